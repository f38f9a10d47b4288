import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Ruler;

/** Answers each line, a pattern and an event with a tab between them, with true, false or the error. */
public class Oracle {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream answers = new PrintStream(System.out, true, "UTF-8");
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split("\t", 2);
            try {
                answers.println(Ruler.matchesRule(parts[1], parts[0]));
            } catch (Exception error) {
                answers.println("error: " + String.valueOf(error.getMessage()).replace('\n', ' '));
            }
        }
    }
}
