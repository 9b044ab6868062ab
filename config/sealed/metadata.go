package sealed

// Recipients lists those that a sealed text is for, such as age1... or the ARN of a key, as its metadata has them. It
// opens nothing, asks nobody and verifies nothing. The errors are ErrNotSealed, ErrTooLarge and *FormatError.
func Recipients(src []byte) ([]string, error) {
	d, err := parseSafely(src)
	if err != nil {
		return nil, err
	}
	return recipients(&d.tree.Metadata), nil
}
