module vitrine/userland

go 1.26.8

require golang.org/x/sys v0.49.0

require mvdan.cc/sh/v3 v3.14.1 // indirect
