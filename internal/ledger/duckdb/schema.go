package duckdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	duck "github.com/duckdb/duckdb-go/v2"

	"prism/internal/ledger"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed views.sql
var viewsSQL string

//go:embed prices.sql
var pricesSQL string

// fingerprint names a text.
func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// viewsHash names the present views and macros.
func viewsHash() string { return fingerprint(pricesSQL + viewsSQL) }

// meta is a row of ledger_meta. The JSON names are the columns; one that an earlier version of
// the table lacks is zero.
type meta struct {
	Fold        uint64   `json:"fold"`
	Schema      int      `json:"schema_version"`
	Segment     string   `json:"segment"`
	Offset      int64    `json:"segment_offset"`
	Run         string   `json:"run"`
	Seq         uint64   `json:"seq"`
	Requests    uint64   `json:"requests"`
	Events      uint64   `json:"config_events"`
	Corrections uint64   `json:"corrections"`
	Alerts      uint64   `json:"alerts"`
	Health      uint64   `json:"health_events"`
	KeepFrom    *instant `json:"keep_from"`
	PricesHash  string   `json:"prices_hash"`
	ViewsHash   string   `json:"views_hash"`
}

// Migrations that added columns to ledger_meta.
const (
	lifeSchema    = 3
	healthSchema  = 4
	presentSchema = healthSchema // the newest one
)

// readMeta returns the row that counts, or the zero meta of a new file.
func readMeta(ctx context.Context, conn querier) (meta, error) {
	return metaOf(ctx, conn, "ledger_meta")
}

// metaOf is readMeta of another ledger, whose table is named.
func metaOf(ctx context.Context, conn querier, table string) (meta, error) {
	var m meta
	var text string
	// As an object, so that it does not matter which columns there are.
	err := conn.QueryRowContext(ctx, `select to_json(m)::varchar from (from `+table+` order by fold desc limit 1) m`).Scan(&text)
	if e, ok := errors.AsType[*duck.Error](err); ok && e.Type == duck.ErrorTypeCatalog {
		return meta{}, nil // there is no such table yet
	}
	if errors.Is(err, sql.ErrNoRows) {
		return meta{}, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &m)
	}
	if err != nil {
		return m, fmt.Errorf("read ledger_meta: %w", err)
	}
	return m, nil
}

// querier asks for one row: a connection, or a database.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// mark returns how far the journal has been read.
func (m *meta) mark() ledger.Watermark {
	return ledger.Watermark{Segment: m.Segment, Offset: m.Offset, Run: m.Run, Seq: m.Seq}
}

// instant is a TIMESTAMPTZ as DuckDB writes it in JSON.
type instant struct{ time.Time }

// UnmarshalJSON reads "2026-11-20 12:00:00.5+00".
func (i *instant) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	for _, zone := range []string{"-07", "-07:00", "-07:00:00"} {
		t, err := time.Parse("2006-01-02 15:04:05.999999"+zone, text)
		if err == nil {
			i.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is no instant", text)
}

// keeps tells whether a row of that instant belongs into the tables.
func (m *meta) keeps(at time.Time) bool {
	return m.KeepFrom == nil || at.IsZero() || !at.Before(m.KeepFrom.Time)
}

// keepFrom is the value of the column.
func (m *meta) keepFrom() any {
	if m.KeepFrom == nil {
		return nil
	}
	return m.KeepFrom.Time
}

// write appends m as the next fold.
func (m *meta) write(ctx context.Context, conn *sql.Conn) error {
	m.Fold++
	columns := `fold, schema_version, segment, segment_offset, run, seq, requests, config_events, prices_hash, views_hash`
	args := []any{m.Fold, m.Schema, m.Segment, m.Offset, m.Run, m.Seq, m.Requests, m.Events, m.PricesHash, m.ViewsHash}
	// Within an earlier migration there are fewer columns.
	if m.Schema >= lifeSchema {
		columns += `, corrections, alerts, keep_from`
		args = append(args, m.Corrections, m.Alerts, m.keepFrom())
	}
	if m.Schema >= healthSchema {
		columns += `, health_events`
		args = append(args, m.Health)
	}
	statement := `insert into ledger_meta (folded_at, ` + columns + `) values (now()` + strings.Repeat(", ?", len(args)) + `)` //nolint:gosec // names of ours
	if _, err := conn.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("write ledger_meta: %w", err)
	}
	return nil
}

// migrate brings the file to the present schema. Each migration is one transaction and is
// followed by a checkpoint, because the log does not replay changes of a schema reliably.
func migrate(ctx context.Context, conn *sql.Conn, m *meta) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	for _, name := range names {
		number, err := strconv.Atoi(strings.TrimPrefix(name, "migrations/")[:4])
		if err != nil {
			return fmt.Errorf("migration %s has no number: %w", name, err)
		}
		if number <= m.Schema {
			continue
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read migration %s: %w", name, err)
		}
		m.Schema, m.ViewsHash = number, ""
		if err := m.countNew(ctx, conn); err != nil {
			return err
		}
		if err := change(ctx, conn, m, string(text)); err != nil {
			return fmt.Errorf("migrate ledger to %04d: %w", number, err)
		}
	}
	if hash := viewsHash(); m.ViewsHash != hash {
		m.ViewsHash, m.PricesHash = hash, ""
		if err := change(ctx, conn, m, pricesSQL+viewsSQL); err != nil {
			return fmt.Errorf("install views: %w", err)
		}
	}
	return nil
}

// countNew counts, once, the rows of the tables that ledger_meta did not count before.
func (m *meta) countNew(ctx context.Context, conn querier) error {
	if m.Schema != lifeSchema {
		return nil
	}
	err := conn.QueryRowContext(ctx, `select (select count(*) from corrections), (select count(*) from alerts)`).Scan(&m.Corrections, &m.Alerts)
	if err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	return nil
}

// change runs statements and notes m in one transaction, and checkpoints.
func change(ctx context.Context, conn *sql.Conn, m *meta, statements string) error {
	err := transact(ctx, conn, func() error {
		if _, err := conn.ExecContext(ctx, statements); err != nil {
			return err
		}
		return m.write(ctx, conn)
	})
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "checkpoint")
	return err
}

// transact runs fn between begin and commit.
func transact(ctx context.Context, conn *sql.Conn, fn func() error) error {
	if _, err := conn.ExecContext(ctx, "begin transaction"); err != nil {
		return err
	}
	if err := fn(); err != nil {
		_, rollback := conn.ExecContext(context.WithoutCancel(ctx), "rollback")
		return errors.Join(err, rollback)
	}
	_, err := conn.ExecContext(ctx, "commit")
	return err
}

// shape describes the rows of a table to from_json, in the order of the columns.
func shape(ctx context.Context, conn *sql.Conn, table string) (string, error) {
	rows, err := conn.QueryContext(ctx, `select name, type from pragma_table_info(?) order by cid`, table)
	if err != nil {
		return "", fmt.Errorf("read columns of %s: %w", table, err)
	}
	defer rows.Close()
	text := []byte{'{'}
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return "", fmt.Errorf("read columns of %s: %w", table, err)
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = strconv.AppendQuote(text, name)
		text = append(text, ':')
		text = strconv.AppendQuote(text, kind)
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("read columns of %s: %w", table, err)
	}
	return string(append(text, '}')), nil
}
