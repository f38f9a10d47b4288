// AWS's Go client, used as its documentation shows.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func hello(event any) (any, error) { return map[string]any{"message": "hello"}, nil }

func echo(event any) (any, error) { return event, nil }

func main() {
	if os.Getenv("_HANDLER") == "app.echo" {
		lambda.Start(echo)
	}
	lambda.Start(hello)
}
