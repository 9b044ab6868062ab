// Package ledger keeps the audit trail of exchanges: the journal, which is the truth, and the
// fold loop that projects it into a database.
//
// The journal is a folder of segments, JSON Lines files that are only ever appended to. Each
// record is written with one write(2) before the caller goes on, so that a killed process
// loses nothing, and synced together with its neighbours at most [SyncDelay] later, so that a
// power failure costs no more than that. A record carries the sequence number of its run (one
// life of the process), wall and monotonic time, and a CRC-32C over the bytes before it.
//
// After a write or a sync has failed, the descriptor is never used again: a new segment
// begins, says from which offset of the old one it continues, and repeats what was not synced.
// Readers ignore the old segment beyond that offset, and records of a run that they have seen.
//
// Nothing in here knows SQL; that is package duckdb below this one.
package ledger
