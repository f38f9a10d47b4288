// Handler of the conformance cases, in Go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Behaviour string   `json:"behaviour"`
	SleepMs   int      `json:"sleep_ms"`
	Value     any      `json:"value"`
	Bytes     int      `json:"bytes"`
	Message   string   `json:"message"`
	Code      int      `json:"code"`
	Lines     []string `json:"lines"`
	Parts     []string `json:"parts"`
	PauseMs   int      `json:"pause_ms"`
	Error     *string  `json:"error"`
}

type ConformanceError struct{ message string }

func (e ConformanceError) Error() string { return e.message }

type BehaviourMissing struct{ name string }

func (e BehaviourMissing) Error() string { return e.name }

var phase = os.Getenv("CONFORMANCE_INIT")
var invocations atomic.Int64

func pause(milliseconds int) { time.Sleep(time.Duration(milliseconds) * time.Millisecond) }

func describe(ctx context.Context) any {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"requestId":     lc.AwsRequestID,
		"functionArn":   lc.InvokedFunctionArn,
		"remainingMs":   time.Until(deadline).Milliseconds(),
		"clientContext": lc.ClientContext.Custom,
		"identityId":    lc.Identity.CognitoIdentityID,
		"tenantId":      lc.TenantID,
	}
}

func stream(e event) (any, error) {
	reader, writer := io.Pipe()
	go func() {
		for _, part := range e.Parts {
			io.WriteString(writer, part)
			pause(e.PauseMs)
		}
		if e.Error != nil {
			writer.CloseWithError(ConformanceError{*e.Error})
		} else {
			writer.Close()
		}
	}()
	return reader, nil
}

func handle(ctx context.Context, e event) (any, error) {
	count := invocations.Add(1)
	pause(e.SleepMs)
	if phase != "" && phase != "stream" && phase != "shutdown" {
		return nil, BehaviourMissing{phase}
	}
	switch e.Behaviour {
	case "echo":
		return e.Value, nil
	case "count":
		return count, nil
	case "size":
		return strings.Repeat("x", e.Bytes-2), nil
	case "raise":
		return nil, ConformanceError{e.Message}
	case "exit":
		os.Exit(e.Code)
	case "print":
		for _, line := range e.Lines {
			fmt.Println(line)
		}
		return nil, nil
	case "context":
		return describe(ctx), nil
	case "trace":
		trace, _ := ctx.Value("x-amzn-trace-id").(string)
		return trace, nil
	case "unserializable":
		return make(chan int), nil
	case "stream":
		return stream(e)
	}
	return nil, BehaviourMissing{e.Behaviour}
}

func main() {
	switch phase {
	case "raise":
		panic(errors.New("failed in init"))
	case "shutdown":
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("shut down") }))
	}
	lambda.Start(handle)
}
