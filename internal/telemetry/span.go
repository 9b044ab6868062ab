package telemetry

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// trace makes the spans of a finished exchange: one for it, and one below it for each attempt
// where there were several.
func (x *export) trace(e *ledger.Entry) {
	if x.tracer == nil {
		return
	}
	name := e.Operation
	if name == ledger.OpMessages {
		name = operationChat
	}
	ctx := context.WithValue(context.Background(), requestKey{}, e.RequestID)
	ctx, span := x.tracer.Start(ctx, strings.TrimSpace(name+" "+e.RequestModel), trace.WithNewRoot(),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(e.StartedAt))
	if span.IsRecording() {
		span.SetAttributes(describe(e, name)...)
		if kind := failure(e.Outcome, e.ErrorType); kind != "" {
			span.SetStatus(codes.Error, kind)
		}
		if len(e.Attempts) > 1 {
			for i := range e.Attempts {
				x.attempt(ctx, &e.Attempts[i])
			}
		}
	}
	span.End(trace.WithTimestamp(e.EndedAt))
}

// attributes of a span; what is not known is left out.
type attributes []attribute.KeyValue

func (a *attributes) text(key attribute.Key, value string) {
	if value != "" {
		*a = append(*a, key.String(value))
	}
}

func (a *attributes) count(key attribute.Key, n stream.Count) {
	if n.Known() {
		*a = append(*a, key.Int64(int64(n)))
	}
}

// describe says what the exchange was, by the names of the conventions first.
func describe(e *ledger.Entry, operation string) []attribute.KeyValue {
	a := make(attributes, 0, 32)
	a.text(operationName, operation)
	a.text(providerName, provider(e.Provider))
	a.text(serverAddress, e.ServerAddress)
	a.text(requestModel, e.RequestModel)
	a.text(responseModel, e.ResponseModel)
	a.text(responseID, e.ResponseID)
	a.text(conversationID, e.SessionID)
	a.text(agentID, e.AgentID)
	a.text(errorType, failure(e.Outcome, e.ErrorType))
	a.count(requestLimit, e.MaxTokens)
	a.count(usageInput, e.PromptTokens)
	a.count(usageOutput, e.Usage.Output)
	a.count(usageCacheRead, e.Usage.CacheRead)
	a.count(usageCacheWrite, e.Usage.CacheWrite)
	a.count(usageReasoning, e.Usage.Reasoning)
	if e.StopReason != "" {
		a = append(a, responseReason.StringSlice([]string{e.StopReason}))
	}
	if e.Operation == ledger.OpMessages {
		a = append(a, requestStream.Bool(e.Stream))
	}
	if e.Stream && e.TTFTMS.Known() {
		a = append(a, responseFirst.Float64(seconds(e.TTFTMS)))
	}
	if e.HTTPStatus != 0 {
		a = append(a, responseStatusCode.Int(e.HTTPStatus))
	}
	a.text(profileKey, e.Profile)
	a.text(reasonKey, e.RouteReason)
	a.text(outcomeKey, e.Outcome)
	a.text(sentModelKey, e.UpstreamModel)
	a.text(requestIDKey, e.RequestID)
	a.text(upstreamIDKey, e.UpstreamRequestID)
	a.text(usageFromKey, e.UsageSource)
	a = append(a, generationKey.Int64(int64(e.Generation)), attemptsKey.Int(len(e.Attempts)))
	if e.Cost.Known() {
		a = append(a, costKey.Float64(dollars(e.Cost)))
	}
	return a
}

// attempt makes the span of one attempt.
func (x *export) attempt(ctx context.Context, t *ledger.Attempt) {
	_, span := x.tracer.Start(ctx, "attempt "+strconv.Itoa(t.N)+" "+t.Profile, trace.WithTimestamp(t.StartedAt))
	var a attributes
	a.text(profileKey, t.Profile)
	a.text(serverAddress, t.ServerAddress)
	a.text(sentModelKey, t.Model)
	a.text(outcomeKey, t.Outcome)
	a.text(whyKey, t.Why)
	kind := failure(t.Outcome, t.ErrorType)
	a.text(errorType, kind)
	a = append(a, attemptKey.Int(t.N), billedKey.Bool(t.MaybeBilled))
	if t.HTTPStatus != 0 {
		a = append(a, responseStatusCode.Int(t.HTTPStatus))
	}
	span.SetAttributes(a...)
	if kind != "" {
		span.SetStatus(codes.Error, kind)
	}
	span.End(trace.WithTimestamp(t.StartedAt.Add(time.Duration(max(t.DurationMS, 0)) * time.Millisecond)))
}

// requestKey is where the context of a span carries the id of its exchange.
type requestKey struct{}

// ids makes the id of a trace out of that of its exchange, so that a row of the ledger leads to
// its trace: a ULID has the size of a trace id, and eighty random bits.
type ids struct{}

// NewIDs implements the SDK's trace.IDGenerator.
func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, _ := ctx.Value(requestKey{}).(string)
	tid := traceID(id)
	return tid, g.NewSpanID(ctx, tid)
}

// NewSpanID implements the SDK's trace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) (sid trace.SpanID) {
	for !sid.IsValid() {
		binary.NativeEndian.PutUint64(sid[:], rand.Uint64())
	}
	return sid
}

// traceID turns the id of an exchange into that of a trace.
func traceID(request string) trace.TraceID {
	if id, err := ulid.ParseStrict(request); err == nil && id != (ulid.ULID{}) {
		return trace.TraceID(id)
	}
	var tid trace.TraceID
	h := fnv.New128a()
	_, _ = h.Write([]byte(request))
	h.Sum(tid[:0])
	return tid
}
