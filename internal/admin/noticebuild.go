package admin

// buildNotices tells of a program that was replaced while it runs.
func buildNotices(st Status) []Notice {
	if !st.OtherBuild {
		return nil
	}
	return []Notice{{Kind: NoticeOtherBuild, Text: "the program on the disk is another build than the one that runs", Args: []string{}, Fix: "prism restart"}}
}
