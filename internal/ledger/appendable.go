package ledger

// Appendable is a record that somebody else than the gateway makes: an [Entry] that is imported,
// or a [Correction].
type Appendable interface {
	AppendJSON(dst []byte) []byte
}
