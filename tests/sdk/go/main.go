// Runs every scenario with a real Go worker: `sdk --address HOST:PORT [--only a,b]`, or `sdk --start-local EXECUTABLE`,
// which lets the SDK start that server itself. Prints one JSON line a scenario: {scenario, ok, result | error};
// exits 1 when one failed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
)

const timePerScenario = 30 * time.Second

// The scenarios fail their activities on purpose; that is not worth a line.
var quiet = sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

func registerWorkflows(registry worker.WorkflowRegistry) {
	for _, workflow := range []any{
		OrderSaga, Approval, Child, Parent, FanOut, HeartbeatResume, Counter, Chain, Cancellable,
		LoanApplication, LoanServicing, DocumentProcessing, Changed,
	} {
		registry.RegisterWorkflow(workflow)
	}
}

func newWorker(c client.Client, queue string) worker.Worker {
	w := worker.New(c, queue, worker.Options{})
	registerWorkflows(w)
	for _, activity := range []any{
		ReserveInventory, ReleaseInventory, ChargePayment, RefundPayment, Ship, Square, CopyRows, HangUntilCancelled,
		VerifyIdentity, GetCreditScore, CheckCompliance, Notify, AlwaysDown,
	} {
		w.RegisterActivity(activity)
	}
	return w
}

func runOne(scenario Scenario, run *Run) bool {
	ctx, cancel := context.WithTimeout(context.Background(), timePerScenario)
	defer cancel()
	line := map[string]any{"scenario": scenario.name}
	result, err := scenario.run(ctx, run)
	line["ok"] = err == nil
	if err == nil {
		line["result"] = result
	} else {
		line["error"] = err.Error()
	}
	encoded, _ := json.Marshal(line)
	fmt.Println(string(encoded))
	return err == nil
}

func runAll(c client.Client, only string) (bool, error) {
	run := &Run{client: c, queue: newID("go")}
	w := newWorker(c, run.queue)
	if err := w.Start(); err != nil {
		return false, err
	}
	defer w.Stop()
	allPassed := true
	for _, scenario := range scenarios {
		if only == "" || slices.Contains(strings.Split(only, ","), scenario.name) {
			allPassed = runOne(scenario, run) && allPassed
		}
	}
	return allPassed, nil
}

func connectAndRun(address, executable, only string) (bool, error) {
	if executable != "" {
		server, err := testsuite.StartDevServer(context.Background(), testsuite.DevServerOptions{
			ExistingPath: executable, ClientOptions: &client.Options{Logger: quiet}, Stdout: os.Stderr, Stderr: os.Stderr,
		})
		if err != nil {
			return false, err
		}
		defer func() { _ = server.Stop() }()
		return runAll(server.Client(), only)
	}
	c, err := client.Dial(client.Options{HostPort: address, Logger: quiet})
	if err != nil {
		return false, err
	}
	defer c.Close()
	return runAll(c, only)
}

func main() {
	address := flag.String("address", "", "HOST:PORT of a running server")
	executable := flag.String("start-local", "", "a server's executable for the SDK to start")
	only := flag.String("only", "", "scenario names, separated by commas")
	flag.Parse()
	allPassed, err := connectAndRun(*address, *executable, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !allPassed {
		os.Exit(1)
	}
}
