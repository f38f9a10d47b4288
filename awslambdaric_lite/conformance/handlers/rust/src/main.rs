//! Handler of the conformance cases, in Rust.
use lambda_runtime::{
    run_concurrent, service_fn, spawn_graceful_shutdown_handler, streaming, BoxFuture, Diagnostic, Error,
    FunctionResponse, LambdaEvent, Runtime, SnapStartResource,
};
use serde::{ser, Serialize, Serializer};
use serde_json::{json, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A result, or a value that cannot be serialized.
enum Output {
    Json(Value),
    Unserializable,
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Output::Json(value) => value.serialize(serializer),
            Output::Unserializable => Err(ser::Error::custom("cannot be serialized")),
        }
    }
}

type Response = FunctionResponse<Output, streaming::Body>;

static INVOCATIONS: AtomicU64 = AtomicU64::new(0);

fn init() -> String {
    std::env::var("CONFORMANCE_INIT").unwrap_or_default()
}

fn error(error_type: &str, message: &str) -> Diagnostic {
    Diagnostic { error_type: error_type.into(), error_message: message.into() }
}

async fn pause(milliseconds: &Value) {
    tokio::time::sleep(Duration::from_millis(milliseconds.as_u64().unwrap_or(0))).await;
}

fn describe(event: &LambdaEvent<Value>) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    let context = &event.context;
    json!({
        "requestId": context.request_id,
        "functionArn": context.invoked_function_arn,
        "remainingMs": context.deadline.saturating_sub(now),
        "clientContext": context.client_context.as_ref().map(|client| &client.custom),
        "identityId": context.identity.as_ref().map(|identity| &identity.identity_id),
        "tenantId": context.tenant_id,
    })
}

fn stream(event: Value) -> Response {
    let (mut sender, body) = streaming::channel();
    tokio::spawn(async move {
        for part in event["parts"].as_array().unwrap() {
            let _ = sender.send_data(part.as_str().unwrap().to_owned().into()).await;
            pause(&event["pause_ms"]).await;
        }
        if !event["error"].is_null() {
            sender.abort();
        }
    });
    FunctionResponse::StreamingResponse(streaming::Response::from(body))
}

async fn handle(event: LambdaEvent<Value>) -> Result<Response, Diagnostic> {
    let count = INVOCATIONS.fetch_add(1, Ordering::SeqCst) + 1;
    let asked = &event.payload;
    pause(&asked["sleep_ms"]).await;
    let value = match asked["behaviour"].as_str().unwrap_or("") {
        "echo" => asked["value"].clone(),
        "count" => count.into(),
        "size" => "x".repeat(asked["bytes"].as_u64().unwrap() as usize - 2).into(),
        "raise" => return Err(error("ConformanceError", asked["message"].as_str().unwrap())),
        "exit" => std::process::exit(asked["code"].as_i64().unwrap() as i32),
        "print" => {
            asked["lines"].as_array().unwrap().iter().for_each(|line| println!("{}", line.as_str().unwrap()));
            Value::Null
        }
        "context" => describe(&event),
        "trace" => event.context.xray_trace_id.clone().into(),
        "unserializable" => return Ok(FunctionResponse::BufferedResponse(Output::Unserializable)),
        "stream" => return Ok(stream(event.payload)),
        other => return Err(error("BehaviourMissing", other)),
    };
    Ok(FunctionResponse::BufferedResponse(Output::Json(value)))
}

/// A hook that prints its number, or fails.
struct Hook(u8);

fn hook(name: String, fails: bool) -> BoxFuture<'static, Result<(), Error>> {
    println!("{name}");
    Box::pin(async move { if fails { Err(name.into()) } else { Ok(()) } })
}

impl SnapStartResource for Hook {
    fn before_snapshot(&self) -> BoxFuture<'_, Result<(), Error>> {
        hook(format!("before {}", self.0), init() == "hook-before")
    }

    fn after_restore(&self) -> BoxFuture<'_, Result<(), Error>> {
        hook(format!("after {}", self.0), init() == "hook-after")
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    match init().as_str() {
        "raise" => panic!("failed in init"),
        "shutdown" => spawn_graceful_shutdown_handler(|| async { println!("shut down") }).await,
        "hooks" | "hook-before" | "hook-after" => {
            let runtime = Runtime::new(service_fn(handle));
            let runtime = runtime.register_snapstart_resource(Arc::new(Hook(1)));
            return runtime.register_snapstart_resource(Arc::new(Hook(2))).run().await;
        }
        _ => {}
    }
    run_concurrent(service_fn(handle)).await
}
