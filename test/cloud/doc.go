// Package cloud puts a real proxy before simulated clouds: requests are signed with the clouds' own
// libraries and verified by the simulator, and what the client gets and what the entry says are
// held against the simulator's bill.
package cloud
