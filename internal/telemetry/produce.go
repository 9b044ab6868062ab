package telemetry

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"prism/internal/ledger"
)

// scopeName names who measured.
const scopeName = "prism"

// Produce implements the SDK's metric.Producer: it returns everything that was counted since the
// start, and what there is to see right now.
func (t *Telemetry) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	now := t.opt.Sample()
	p := production{start: t.began, now: t.opt.Now()}
	c := t.counts
	c.mu.Lock()
	p.operations(c)
	p.uses(c)
	p.attempts(c)
	p.changes(c)
	p.sum(metricSwaps, "Tables that were made live or refused.", "{swap}", p.point(c.accepted, resultKey.String("accepted")), p.point(c.refused, resultKey.String("refused")))
	c.mu.Unlock()
	p.sample(&now)
	scope := instrumentation.Scope{Name: scopeName, Version: t.opt.Version}
	return []metricdata.ScopeMetrics{{Scope: scope, Metrics: p.metrics}}, nil
}

// production is one collection.
type production struct {
	start, now time.Time
	metrics    []metricdata.Metrics
}

func (p *production) add(name, description, unit string, data metricdata.Aggregation) {
	p.metrics = append(p.metrics, metricdata.Metrics{Name: name, Description: description, Unit: unit, Data: data})
}

func (p *production) point(n int64, attributes ...attribute.KeyValue) metricdata.DataPoint[int64] {
	return metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attributes...), StartTime: p.start, Time: p.now, Value: n}
}

// sum adds a counter that only grows.
func (p *production) sum(name, description, unit string, points ...metricdata.DataPoint[int64]) {
	p.add(name, description, unit, metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true})
}

// gauge adds what goes up and down.
func (p *production) gauge(name, description, unit string, points ...metricdata.DataPoint[int64]) {
	p.add(name, description, unit, metricdata.Gauge[int64]{DataPoints: points})
}

// histograms are the points of a metric that is a distribution.
type histograms []metricdata.HistogramDataPoint[float64]

func (p *production) histogram(h *histogram, attributes ...attribute.KeyValue) metricdata.HistogramDataPoint[float64] {
	return metricdata.HistogramDataPoint[float64]{
		Attributes: attribute.NewSet(attributes...), StartTime: p.start, Time: p.now, Count: h.count, Sum: h.sum,
		Bounds: h.bounds, BucketCounts: slices.Clone(h.counts),
	}
}

func (p *production) distribution(name, description, unit string, points histograms) {
	if len(points) > 0 {
		p.add(name, description, unit, metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality})
	}
}

// attributes describe a use. The zero use is where the rest is counted.
func (u use) attributes() []attribute.KeyValue {
	if u == (use{}) {
		return []attribute.KeyValue{overflowAttribute.Bool(true)}
	}
	name := u.operation
	if name == ledger.OpMessages {
		name = operationChat
	}
	a := make(attributes, 0, 8)
	a.text(profileKey, u.profile)
	a.text(providerName, u.provider)
	a.text(operationName, name)
	a.text(requestModel, u.asked)
	a.text(responseModel, u.answered)
	return a
}

func (p *production) operations(c *counts) {
	var points histograms
	for op, h := range c.operations {
		a := attributes(op.attributes())
		a.text(outcomeKey, op.outcome)
		a.text(errorType, op.errorType)
		points = append(points, p.histogram(h, a...))
	}
	p.distribution(metricDuration, "Time of an exchange, from the request to the last byte of the answer.", "s", points)
}

func (p *production) uses(c *counts) {
	var sizes, first, perToken histograms
	var classes, unpriced []metricdata.DataPoint[int64]
	var cost []metricdata.DataPoint[float64]
	for u, v := range c.uses {
		attributes := u.attributes()
		with := func(kv ...attribute.KeyValue) []attribute.KeyValue { return append(slices.Clip(attributes), kv...) }
		if v.in.count > 0 {
			sizes = append(sizes, p.histogram(&v.in, with(tokenType.String(tokenTypeInput))...))
		}
		if v.out.count > 0 {
			sizes = append(sizes, p.histogram(&v.out, with(tokenType.String(tokenTypeOutput))...))
		}
		if v.first.count > 0 {
			first = append(first, p.histogram(&v.first, attributes...))
		}
		if v.perToken.count > 0 {
			perToken = append(perToken, p.histogram(&v.perToken, attributes...))
		}
		for _, class := range v.tokens.classes() {
			classes = append(classes, p.point(class.n, with(tokenClassKey.String(class.name))...))
		}
		unpriced = append(unpriced, p.point(v.unpriced, attributes...))
		cost = append(cost, metricdata.DataPoint[float64]{Attributes: attribute.NewSet(attributes...), StartTime: p.start, Time: p.now, Value: dollars(v.cost)})
	}
	p.distribution(metricTokenUsage, "Tokens of an exchange; input includes cached ones.", "{token}", sizes)
	p.distribution(metricFirstChunk, "Time to the first content of a stream.", "s", first)
	p.distribution(metricPerToken, "Time per output token after the first content of a stream.", "s", perToken)
	p.sum(metricTokens, "Tokens by the class that they are priced in.", "{token}", classes...)
	p.sum(metricUnpriced, "Exchanges with a usage and without a price.", "{request}", unpriced...)
	p.add(metricCost, "What is paid, lost attempts included; rounded, the ledger is exact.", "{USD}",
		metricdata.Sum[float64]{DataPoints: cost, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true})
}

// tokenClass is one class of tokens.
type tokenClass struct {
	name string
	n    int64
}

func (t *tokens) classes() []tokenClass {
	return []tokenClass{
		{"input", t.input}, {"cache_read", t.cacheRead}, {"cache_write_5m", t.cacheWrite5m}, {"cache_write_1h", t.cacheWrite1h}, {"output", t.output},
	}
}

// dollars is an amount as a float, which is what metrics are made of.
func dollars(m ledger.Money) float64 { return float64(m) / 1e10 }

func (p *production) attempts(c *counts) {
	var points []metricdata.DataPoint[int64]
	for a, n := range c.attempts {
		if a == (attempt{}) {
			points = append(points, p.point(n, overflowAttribute.Bool(true)))
			continue
		}
		var kv attributes
		kv.text(profileKey, a.profile)
		kv.text(outcomeKey, a.outcome)
		kv.text(errorType, a.errorType)
		kv.text(whyKey, a.why)
		points = append(points, p.point(n, kv...))
	}
	p.sum(metricAttempts, "Tries at an upstream.", "{attempt}", points...)
}

func (p *production) changes(c *counts) {
	var points []metricdata.DataPoint[int64]
	for ch, n := range c.changes {
		points = append(points, p.point(n, profileKey.String(ch.profile), stateKey.String(ch.state)))
	}
	p.sum(metricHealthChanges, "Changes of the health of a profile or of one of its keys, by the state after it.", "{change}", points...)
}

// sample adds what there is to see right now.
func (p *production) sample(s *Sample) {
	var health []metricdata.DataPoint[int64]
	for _, profile := range s.Profiles {
		for _, state := range states() {
			n := int64(0)
			if state == profile.State {
				n = 1
			}
			health = append(health, p.point(n, profileKey.String(profile.Name), stateKey.String(state)))
		}
	}
	p.gauge(metricHealth, "1 for the state that a profile is in, 0 for the others.", "{state}", health...)
	p.gauge(metricGeneration, "Generation of the live table.", "{table}", p.point(int64(s.Generation)))
	p.gauge(metricWaiting, "Records of the journal that are not in the database yet.", "{record}", p.point(s.Waiting))
	p.sum(metricDropped, "Records of the journal that were lost.", "{record}", p.point(s.Dropped))
	p.gauge(metricInFlight, "Exchanges under way.", "{request}", p.point(s.InFlight))
	p.sum(metricRefused, "Requests that the guard turned away.", "{request}", p.point(s.Refused))
}

// states lists the states of a profile.
func states() []string {
	return []string{ledger.HealthOK, ledger.HealthCooling, ledger.HealthOpen, ledger.HealthProbing, ledger.HealthDenied}
}
