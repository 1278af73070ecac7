// 签名并调用统一接口 · Signs and calls the unified API. Java 17 or newer, no packages.
//   API=http://127.0.0.1:8080 APP_ID=demo-app APP_SECRET=… java Call.java GET /api/v1/campuses
//   … java Call.java POST /api/v1/patients/search '{"idType":"ID_CARD","idNo":"110101190003070010"}' [IDEMPOTENCY-KEY]
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.HexFormat;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Call {
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** The envelope of the answer, of errors too. `path` has its query, percent-encoded; `body` is the JSON to send. */
    static String call(String method, String path, String body, String key) throws Exception {
        byte[] raw = body.getBytes(StandardCharsets.UTF_8);
        String timestamp = String.valueOf(Instant.now().getEpochSecond());
        String nonce = UUID.randomUUID().toString();
        String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(raw));
        String text = String.join("\n", method, path, timestamp, nonce, digest);
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(env("API", "") + path))
            .method(method, raw.length > 0
                ? HttpRequest.BodyPublishers.ofByteArray(raw) : HttpRequest.BodyPublishers.noBody())
            .header("X-App-Id", env("APP_ID", ""))
            .header("X-Timestamp", timestamp)
            .header("X-Nonce", nonce)
            .header("X-Signature", hmac(env("APP_SECRET", ""), text))
            .header("X-Campus", env("CAMPUS", "main"));
        if (raw.length > 0) request.header("Content-Type", "application/json");
        if (!key.isEmpty()) request.header("Idempotency-Key", key);
        return CLIENT.send(request.build(), BodyHandlers.ofString(StandardCharsets.UTF_8)).body();
    }

    private static String hmac(String secret, String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        return HexFormat.of().formatHex(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static String env(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    public static void main(String[] given) throws Exception {
        String answer = call(given[0], given[1], given.length > 2 ? given[2] : "", given.length > 3 ? given[3] : "");
        new PrintStream(System.out, true, StandardCharsets.UTF_8).println(answer);
    }
}
