// Whether the query of an address may run by itself. Reading is all that a query can do, but it costs
// time, and a page elsewhere must not be able to spend it: its query is shown and waits for a person.

const arrival = document.documentElement.dataset.arrival;

// What the document was opened with. Every later address comes from our own pages.
const opened = new URL(performance.getEntriesByType("navigation")[0]?.name ?? location.href).searchParams;

/** Whether the query of these parameters may run without being asked for. */
export function mayRun(params) {
  if (arrival === "own") return true;
  return opened.get("q") !== params.get("q") || opened.get("name") !== params.get("name");
}

/** Whether the query came by a link on another site. */
export function isForeign(params) {
  return arrival === "elsewhere" && !mayRun(params);
}
