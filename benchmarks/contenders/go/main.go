// AWS's Go client, used as its documentation shows.
package main

import (
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

func hello(event any) (any, error) { return map[string]any{"message": "hello"}, nil }

func echo(event any) (any, error) { return event, nil }

type request struct {
	Size int `json:"size"`
}

var made = map[int]any{}

// produce answers so many bytes of JSON, each result made once.
func produce(event request) (any, error) {
	size, length := event.Size, 96
	if made[size] == nil {
		count := max(0, (size-26)/length)
		records := make([]any, count)
		for i := range records {
			records[i] = map[string]any{"id": 1_000_000 + i, "price": 1234.5678, "name": "example",
				"tags": []string{"a", "b", "c"}, "new": true, "parent": nil}
		}
		filler := size - 26 - count*length
		if count > 0 {
			filler++
		}
		made[size] = map[string]any{"records": records, "filler": strings.Repeat("x", filler)}
	}
	return made[size], nil
}

func main() {
	switch os.Getenv("_HANDLER") {
	case "app.echo":
		lambda.Start(echo)
	case "app.produce":
		lambda.Start(produce)
	}
	lambda.Start(hello)
}
