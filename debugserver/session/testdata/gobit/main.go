// Gobit is a Go program that tests of both sides look at.
package main

import (
	"fmt"
	"os"
)

type pair struct {
	name  string
	count int
}

func add(p *pair, n int) int {
	sum := p.count + n
	p.count = sum
	return sum
}

func main() {
	p := pair{name: "gopher"}
	done := make(chan int)
	go func() {
		for i := range 3 {
			add(&p, i+1) // call
		}
		done <- p.count
	}()
	n := <-done
	fmt.Println("gobit", n, len(os.Args))
}
