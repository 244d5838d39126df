// The program that holds the namespaces of a Pod.
module dr-syncer.io/rig/pause

go 1.26.0
