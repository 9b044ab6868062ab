// Package telemetry counts what finished exchanges say of themselves, and shows it to the tools
// that watch services: as Prometheus metrics, to whoever asks, and as OpenTelemetry traces and
// metrics, sent to a collector that the user names.
//
// It counts by itself, exactly and from the start of the gateway on, so that an exchange costs a
// few additions under a lock. The exposition and the protocol are those of the OpenTelemetry SDK,
// whose parts are made when somebody asks for the first time. What it shows are names, numbers and
// times; never a session in a metric, and never content anywhere.
//
// Nothing here is the ledger: a collector samples and forgets, and its names still move.
package telemetry
