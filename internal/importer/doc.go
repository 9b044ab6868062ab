// Package importer reads usage that did not pass through the gateway and makes ledger entries
// of it: the transcripts of Claude Code, the request log of cc-switch, reports of ccusage.
//
// It knows neither prices nor what the ledger holds already: whoever calls it prices the
// entries and leaves out what is known. Every entry has an id that is made from its source and
// the id it has there, so that reading the same thing twice gives the same ids.
package importer
