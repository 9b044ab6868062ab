// Package duckdb projects the journal into a DuckDB file, and reads that file.
//
// The file is open only while a fold or a query runs, so that any other program may open it in
// between. What is appended commits in one transaction with the place in the journal up to
// which it goes; a fold that dies is taken up again from there. The file can be thrown away at
// any time: the next fold makes it anew from the journal and its archive.
//
// Nobody should open a DuckDB database in a process that serves requests, since a failed
// assertion within the library aborts the process.
package duckdb
