// Package lineedit lets somebody at a terminal edit a line.
//
//	keys ── In ──> readKey ──> Editor.key ──> buf []rune, pos
//	                                             │
//	screen <── Out ── refresh: prompt + buf, over as many rows as it takes
//
// The terminal is switched to raw mode (termios(3)) only while a line is read: no
// echo, no ^C signal, byte by byte. So the programs run in between see it as it was.
//
// Keys: arrows, Home, End, Delete; ^A ^E ^B ^F ^P ^N ^D ^H ^K ^U ^W ^Y ^T ^L; Alt-B
// Alt-F Alt-D; ^R searches the history; Tab completes; ^C gives the line up.
//
// First breakpoint: (*Editor).key.
package lineedit
