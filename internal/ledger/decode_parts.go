package ledger

import (
	"time"

	"prism/internal/stream"
)

func (x *lexer) tags(e *Entry) {
	if !x.open('{') {
		return
	}
	e.Tags = make(map[string]string)
	for x.more('}') {
		name := string(x.key())
		e.Tags[name] = x.name()
	}
}

func (x *lexer) attempts(e *Entry) {
	e.Attempts = e.Attempts[:0]
	if !x.open('[') {
		return
	}
	for x.more(']') {
		a := Attempt{TTFBMS: stream.Unknown, DurationMS: stream.Unknown, Usage: stream.NoUsage(), CostList: NoMoney}
		x.attempt(&a)
		e.Attempts = append(e.Attempts, a)
	}
}

func (x *lexer) attempt(a *Attempt) {
	if !x.open('{') {
		return
	}
	for x.more('}') {
		switch string(x.key()) {
		case "n":
			a.N = int(x.int())
		case "profile":
			a.Profile = x.name()
		case "server_address":
			a.ServerAddress = x.name()
		case "model":
			a.Model = x.name()
		case "started_at":
			a.StartedAt = x.time()
		case "http_status":
			a.HTTPStatus = int(x.int())
		case "error_type":
			a.ErrorType = x.name()
		case "ttfb_ms":
			a.TTFBMS = x.count()
		case "duration_ms":
			a.DurationMS = x.count()
		case "outcome":
			a.Outcome = x.name()
		case "key":
			a.Key = x.name()
		case "why":
			a.Why = x.name()
		case "maybe_billed":
			a.MaybeBilled = x.bool()
		case "usage":
			x.attemptUsage(&a.Usage)
		case "cost_list_usd":
			a.CostList = x.money()
		default:
			x.skip(0)
		}
	}
}

func (x *lexer) iterations(e *Entry) {
	e.Iterations = e.Iterations[:0]
	if !x.open('[') {
		return
	}
	for x.more(']') {
		it := Iteration{Usage: stream.NoUsage(), CostList: NoMoney}
		x.iteration(&it)
		e.Iterations = append(e.Iterations, it)
	}
}

func (x *lexer) iteration(it *Iteration) {
	if !x.open('{') {
		return
	}
	for x.more('}') {
		key := x.key()
		switch string(key) {
		case "type":
			it.Type = x.name()
		case "model":
			it.Model = x.name()
		case "price_id":
			it.PriceID = x.name()
		case "cost_list_usd":
			it.CostList = x.money()
		default:
			if !x.usage(key, &it.Usage) {
				x.skip(0)
			}
		}
	}
}

func (x *lexer) attemptUsage(u *stream.Usage) {
	if !x.open('{') {
		return
	}
	for x.more('}') {
		if !x.usage(x.key(), u) {
			x.skip(0)
		}
	}
}

func (x *lexer) configEvent(ev *ConfigEvent) {
	if !x.open('{') {
		return
	}
	for x.more('}') {
		switch string(x.key()) {
		case "generation":
			ev.Generation = uint64(x.int())
		case "event_at":
			ev.EventAt = x.time()
		case "trigger":
			ev.Trigger = x.text()
		case "hash":
			ev.Hash = x.text()
		case "accepted":
			ev.Accepted = x.bool()
		case "reason":
			ev.Reason = x.text()
		case "added":
			ev.Added = x.texts(nil)
		case "removed":
			ev.Removed = x.texts(nil)
		case "changed":
			ev.Changed = x.texts(nil)
		default:
			x.skip(0)
		}
	}
}

// head reads the members of a record up to its identity.
func (x *lexer) head(r *Record, h *header) {
	if !x.open('{') {
		return
	}
	for x.more('}') {
		switch string(x.key()) {
		case "seq":
			r.Seq = uint64(x.int())
		case "wall":
			r.Wall = x.time()
		case "mono":
			r.Mono = time.Duration(x.int())
		case "kind":
			r.Kind = Kind(x.name())
		case "recovered":
			r.Recovered = x.bool()
		case "run":
			h.run = x.name()
		case "pid":
			h.pid = int(x.int())
		case "continues":
			h.segment = x.text()
		case "from_offset":
			h.offset = x.int()
		case "request_id":
			r.RequestID = x.text()
			return
		default:
			x.skip(0)
		}
		if r.Kind == KindConfig || r.Kind == KindAlert || r.Kind == KindHealth { // they name no request
			return
		}
	}
}
