package duckdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	duck "github.com/duckdb/duckdb-go/v2"
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

// meta is a row of ledger_meta.
type meta struct {
	fold, requests, events uint64
	schema                 int
	segment, run           string
	offset                 int64
	seq                    uint64
	pricesHash, viewsHash  string
}

// readMeta returns the row that counts, or the zero meta of a new file.
func readMeta(ctx context.Context, conn *sql.Conn) (meta, error) {
	var m meta
	err := conn.QueryRowContext(ctx, `select fold, schema_version, coalesce(segment, ''), coalesce(segment_offset, 0), coalesce(run, ''),
		coalesce(seq, 0), requests, config_events, coalesce(prices_hash, ''), coalesce(views_hash, '')
		from ledger_meta order by fold desc limit 1`).
		Scan(&m.fold, &m.schema, &m.segment, &m.offset, &m.run, &m.seq, &m.requests, &m.events, &m.pricesHash, &m.viewsHash)
	if e, ok := errors.AsType[*duck.Error](err); ok && e.Type == duck.ErrorTypeCatalog {
		return meta{}, nil // there is no such table yet
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, fmt.Errorf("read ledger_meta: %w", err)
	}
	return m, nil
}

// write appends m as the next fold.
func (m *meta) write(ctx context.Context, conn *sql.Conn) error {
	m.fold++
	_, err := conn.ExecContext(ctx, `insert into ledger_meta values (?, now(), ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.fold, m.schema, m.segment, m.offset, m.run, m.seq, m.requests, m.events, m.pricesHash, m.viewsHash)
	if err != nil {
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
		if number <= m.schema {
			continue
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read migration %s: %w", name, err)
		}
		m.schema, m.viewsHash = number, ""
		if err := change(ctx, conn, m, string(text)); err != nil {
			return fmt.Errorf("migrate ledger to %04d: %w", number, err)
		}
	}
	if hash := fingerprint(pricesSQL + viewsSQL); m.viewsHash != hash {
		m.viewsHash, m.pricesHash = hash, ""
		if err := change(ctx, conn, m, pricesSQL+viewsSQL); err != nil {
			return fmt.Errorf("install views: %w", err)
		}
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
