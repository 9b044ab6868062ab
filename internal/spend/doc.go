// Package spend keeps the running sums of what was spent, by day, week and month, and holds
// them against budgets.
//
// The journal is the truth here too. The sums are kept in memory, fed by every exchange that
// ends; the file beside them is only a place from which the journal need not be read again. It
// holds the sums of everything before a watermark, and it is made from the journal, never from
// memory: so it is exact whatever else was happening at that moment, and a process that was
// killed finds every exchange that it had recorded. Days, weeks and months are those of the
// local calendar, as in the reports; a request belongs to the period in which it began.
package spend
