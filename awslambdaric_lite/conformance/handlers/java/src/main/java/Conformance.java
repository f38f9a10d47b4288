import com.amazonaws.services.lambda.crac.Core;
import com.amazonaws.services.lambda.crac.Resource;
import com.amazonaws.services.lambda.runtime.Context;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** Handler of the conformance cases, in Java. */
public class Conformance {
    static class ConformanceError extends RuntimeException {
        ConformanceError(String message) {
            super(message);
        }
    }

    static class BehaviourMissing extends RuntimeException {
        BehaviourMissing(String name) {
            super(name);
        }
    }

    /** A hook that prints its number, or fails; the client keeps weak references only. */
    record Hook(int number) implements Resource {
        @Override
        public void beforeCheckpoint(com.amazonaws.services.lambda.crac.Context<? extends Resource> context) {
            run("before " + number, INIT.equals("hook-before"));
        }

        @Override
        public void afterRestore(com.amazonaws.services.lambda.crac.Context<? extends Resource> context) {
            run("after " + number, INIT.equals("hook-after"));
        }

        private static void run(String name, boolean fails) {
            System.out.println(name);
            if (fails) {
                throw new ConformanceError(name);
            }
        }
    }

    /** A bean whose getter fails, so that it cannot be serialized. */
    public static class Unserializable {
        public String getValue() {
            throw new IllegalStateException("cannot be serialized");
        }
    }

    private static final String INIT = System.getenv().getOrDefault("CONFORMANCE_INIT", "");
    private static final List<Hook> HOOKS = List.of(new Hook(1), new Hook(2));
    private static final AtomicInteger INVOCATIONS = new AtomicInteger();
    private final boolean prepared = prepare();

    private static boolean prepare() {
        switch (INIT) {
            case "":
                return true;
            case "raise":
                throw new ConformanceError("failed in init");
            case "hooks", "hook-before", "hook-after":
                HOOKS.forEach(hook -> Core.getGlobalContext().register(hook));
                return true;
            default:
                return false;
        }
    }

    private static Map<String, Object> describe(Context context) {
        Map<String, Object> seen = new HashMap<>();
        seen.put("requestId", context.getAwsRequestId());
        seen.put("functionArn", context.getInvokedFunctionArn());
        seen.put("remainingMs", context.getRemainingTimeInMillis());
        seen.put("clientContext", context.getClientContext() == null ? null : context.getClientContext().getCustom());
        seen.put("identityId", context.getIdentity() == null ? null : context.getIdentity().getIdentityId());
        seen.put("tenantId", context.getTenantId());
        return seen;
    }

    public Object handler(Map<String, Object> event, Context context) throws InterruptedException {
        int count = INVOCATIONS.incrementAndGet();
        if (!prepared) {
            throw new BehaviourMissing(INIT);
        }
        Thread.sleep(((Number) event.getOrDefault("sleep_ms", 0)).longValue());
        switch ((String) event.get("behaviour")) {
            case "echo":
                return event.get("value");
            case "count":
                return count;
            case "size":
                return "x".repeat(((Number) event.get("bytes")).intValue() - 2);
            case "raise":
                throw new ConformanceError((String) event.get("message"));
            case "exit":
                Runtime.getRuntime().halt(((Number) event.get("code")).intValue());
            case "print":
                ((List<?>) event.get("lines")).forEach(System.out::println);
                return null;
            case "context":
                return describe(context);
            case "trace":
                return context.getXrayTraceId();
            case "unserializable":
                return new Unserializable();
            default:
                throw new BehaviourMissing((String) event.get("behaviour"));
        }
    }
}
