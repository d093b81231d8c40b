package applets

import (
	"os"
	"os/signal"
)

// ignoreSignal ignores a signal, also in the programs we become.
func ignoreSignal(s os.Signal) { signal.Ignore(s) }
