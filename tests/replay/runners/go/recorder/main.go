// The worker of a recording: `recorder HOST:PORT QUEUE VERSION`; ends with its stdin.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	base "wfctl.test/orders/versions/base"
	patched "wfctl.test/orders/versions/patched"
)

func charge(item string, amount int) (string, error) {
	if amount == 13 {
		return "", temporal.NewNonRetryableApplicationError("card declined", "Declined", nil)
	}
	return fmt.Sprintf("charged %d", amount), nil
}

func nothing(string) error { return nil }

func main() {
	c, err := client.Dial(client.Options{HostPort: os.Args[1]})
	if err != nil {
		log.Fatal(err)
	}
	w := worker.New(c, os.Args[2], worker.Options{})
	map[string]func(worker.Registry){"base": base.Register, "patched": patched.Register}[os.Args[3]](w)
	w.RegisterActivityWithOptions(charge, activity.RegisterOptions{Name: "Charge"})
	for _, name := range []string{"Reserve", "Release", "Audit"} {
		w.RegisterActivityWithOptions(nothing, activity.RegisterOptions{Name: name})
	}
	if err := w.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	w.Stop()
}
