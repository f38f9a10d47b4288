//! AWS's Rust client, used as its documentation shows.
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

async fn hello(_event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(json!({"message": "hello"}))
}

async fn echo(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

static MADE: LazyLock<Mutex<HashMap<usize, &'static Value>>> = LazyLock::new(Mutex::default);

/// Answers so many bytes of JSON, each result made once.
async fn produce(event: LambdaEvent<Value>) -> Result<&'static Value, Error> {
    let size = event.payload["size"].as_u64().unwrap_or(0) as usize;
    Ok(MADE.lock().unwrap().entry(size).or_insert_with(|| {
        let length = 96;
        let count = size.saturating_sub(26) / length;
        let records: Vec<Value> = (0..count)
            .map(|i| {
                json!({"id": 1_000_000 + i, "price": 1234.5678, "name": "example",
                       "tags": ["a", "b", "c"], "new": true, "parent": null})
            })
            .collect();
        let filler = size - 26 - count * length + usize::from(count > 0);
        Box::leak(Box::new(json!({"records": records, "filler": "x".repeat(filler)})))
    }))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    match std::env::var("_HANDLER").as_deref() {
        Ok("app.echo") => run(service_fn(echo)).await,
        Ok("app.produce") => run(service_fn(produce)).await,
        _ => run(service_fn(hello)).await,
    }
}
