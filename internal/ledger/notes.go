package ledger

import "fmt"

// AppendJSON appends c as one JSON object on one line, unknown fields left out. The names are
// the column names of table corrections.
func (c *Correction) AppendJSON(dst []byte) []byte {
	enc := encoder{append(dst, '{')}
	enc.correction(c)
	return append(enc.b, '}')
}

// MarshalJSON is [Correction.AppendJSON].
func (c *Correction) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// UnmarshalJSON reads what [Correction.AppendJSON] wrote.
func (c *Correction) UnmarshalJSON(b []byte) error {
	lex := newLexer(b)
	lex.correction(c)
	if lex.bad {
		return fmt.Errorf("decode correction: %w", errSyntax)
	}
	return nil
}

// AppendJSON appends ev as one JSON object on one line, unknown fields left out. The names
// are the column names of table alerts.
func (ev *AlertEvent) AppendJSON(dst []byte) []byte {
	enc := encoder{append(dst, '{')}
	enc.alert(ev)
	return append(enc.b, '}')
}

// MarshalJSON is [AlertEvent.AppendJSON].
func (ev *AlertEvent) MarshalJSON() ([]byte, error) { return ev.AppendJSON(nil), nil }

// UnmarshalJSON reads what [AlertEvent.AppendJSON] wrote.
func (ev *AlertEvent) UnmarshalJSON(b []byte) error {
	lex := newLexer(b)
	lex.alert(ev)
	if lex.bad {
		return fmt.Errorf("decode alert: %w", errSyntax)
	}
	return nil
}

// Correct records other costs of a row that was written before.
func (j *Journal) Correct(c *Correction) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	start := j.beginRecord(KindCorrection)
	j.enc.correction(c)
	return j.commit(KindCorrection, start)
}

// Alert records a change of state of a budget or of an alert.
func (j *Journal) Alert(ev *AlertEvent) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	start := j.beginRecord(KindAlert)
	j.enc.alert(ev)
	return j.commit(KindAlert, start)
}

func (e *encoder) correction(c *Correction) {
	e.key("request_id")
	e.b = appendText(e.b, c.RequestID, capName)
	e.time("corrected_at", c.CorrectedAt)
	e.text("reason", c.Reason, capName)
	e.text("price_id", c.PriceID, capName)
	e.money("cost_input_usd", c.CostInput)
	e.money("cost_cache_read_usd", c.CostCacheRead)
	e.money("cost_cache_write_usd", c.CostCacheWrite)
	e.money("cost_output_usd", c.CostOutput)
	e.money("cost_other_usd", c.CostOther)
	e.money("cost_list_usd", c.CostList)
	e.money("cost_usd", c.Cost)
	e.money("cost_uncached_usd", c.CostUncached)
}

// correction reads one object into c, whose amounts are unknown where it names none.
func (x *lexer) correction(c *Correction) {
	*c = Correction{
		CostInput: NoMoney, CostCacheRead: NoMoney, CostCacheWrite: NoMoney, CostOutput: NoMoney, CostOther: NoMoney,
		CostList: NoMoney, Cost: NoMoney, CostUncached: NoMoney,
	}
	if !x.open('{') {
		return
	}
	for x.more('}') {
		switch string(x.key()) {
		case "request_id":
			c.RequestID = x.text()
		case "corrected_at":
			c.CorrectedAt = x.time()
		case "reason":
			c.Reason = x.text()
		case "price_id":
			c.PriceID = x.name()
		case "cost_input_usd":
			c.CostInput = x.money()
		case "cost_cache_read_usd":
			c.CostCacheRead = x.money()
		case "cost_cache_write_usd":
			c.CostCacheWrite = x.money()
		case "cost_output_usd":
			c.CostOutput = x.money()
		case "cost_other_usd":
			c.CostOther = x.money()
		case "cost_list_usd":
			c.CostList = x.money()
		case "cost_usd":
			c.Cost = x.money()
		case "cost_uncached_usd":
			c.CostUncached = x.money()
		default:
			x.skip(0)
		}
	}
}

func (e *encoder) alert(ev *AlertEvent) {
	e.time("event_at", ev.EventAt)
	e.text("name", ev.Name, capName)
	e.text("rule", ev.Rule, capName)
	e.text("scope", ev.Scope, capName)
	e.text("period", ev.Period, capName)
	e.time("period_start", ev.PeriodStart)
	e.text("state", ev.State, capName)
	e.text("action", ev.Action, capName)
	e.money("amount_usd", ev.Amount)
	e.money("limit_usd", ev.Limit)
	e.text("value", ev.Value, capName)
	e.text("message", ev.Message, capMessage)
}

// alert reads one object into ev, whose amounts are unknown where it names none.
func (x *lexer) alert(ev *AlertEvent) {
	*ev = AlertEvent{Amount: NoMoney, Limit: NoMoney}
	if !x.open('{') {
		return
	}
	for x.more('}') {
		switch string(x.key()) {
		case "event_at":
			ev.EventAt = x.time()
		case "name":
			ev.Name = x.text()
		case "rule":
			ev.Rule = x.name()
		case "scope":
			ev.Scope = x.name()
		case "period":
			ev.Period = x.name()
		case "period_start":
			ev.PeriodStart = x.time()
		case "state":
			ev.State = x.name()
		case "action":
			ev.Action = x.name()
		case "amount_usd":
			ev.Amount = x.money()
		case "limit_usd":
			ev.Limit = x.money()
		case "value":
			ev.Value = x.text()
		case "message":
			ev.Message = x.text()
		default:
			x.skip(0)
		}
	}
}
