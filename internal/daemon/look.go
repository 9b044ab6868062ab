package daemon

// PortHolder names the process that listens on the port of address, as far as the system shows it;
// "" where nobody is found.
func PortHolder(address string) string { return portHolder(address) }
