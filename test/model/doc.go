// Package model runs random schedules of clients, providers, swaps, crashes and clocks against
// the request path as it is built in the gateway: router, proxy and journal behind a real server,
// simulators behind real servers. What the simulators wrote down is the oracle: after each schedule
// their books, the clients' and the journal are held against the invariants that prism promises.
//
// A schedule is made from a seed. One that fails is shortened to the steps that matter and printed
// with its seed; PRISM_SEED=N runs that one alone.
package model
