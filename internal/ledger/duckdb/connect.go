package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"

	duck "github.com/duckdb/duckdb-go/v2"
)

// guards keep the library from installing, loading or storing anything by itself.
const guards = `set autoinstall_known_extensions = false;
set autoload_known_extensions = false;
set allow_community_extensions = false;
set allow_persistent_secrets = false;`

// connect opens a database and runs the settings once, in order. Options in the data source
// name are applied at random, and an option that comes after the lock on the configuration
// fails: so all are statements but the one that opening the file itself looks at.
func connect(ctx context.Context, dsn, settings string) (*sql.DB, error) {
	var once sync.Once
	var failed error
	connector, err := duck.NewConnector(dsn, func(conn driver.ExecerContext) error {
		once.Do(func() {
			_, failed = conn.ExecContext(ctx, settings, nil)
		})
		return failed
	})
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	// One connection, opened now: the file is opened, and its log replayed, by the first.
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// checkPath refuses what a data source name cannot carry.
func checkPath(file string) error {
	if file == "" || strings.ContainsAny(file, "?\x00") {
		return fmt.Errorf("open ledger %q: the path must not be empty or hold a question mark", file)
	}
	return nil
}

// quote returns s as an SQL string.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
