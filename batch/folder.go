package batch

import "rpsbatch/batch/durable"

// SyncFolder brings the names of a folder's files to the disk.
func SyncFolder(name string) error { return durable.SyncFolder(name) }
