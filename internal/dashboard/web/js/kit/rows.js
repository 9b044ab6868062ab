// Results of SQL as objects.

/** The rows of an answer of /api/sql.json, each as an object with the names of its columns. */
export function rowsOf(result) {
  if (!result) return [];
  const names = result.columns.map((c) => c.name);
  return result.rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])));
}
