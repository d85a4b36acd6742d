using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Model.Export;

/// <summary>
/// A way to write conversations, as the texts between what is said: what most templates come to. Found by letting a template write
/// conversations and looking at what stands around their words, and kept only where it then writes others as the template does.
/// </summary>
/// <param name="Start">Before the first question, where there is no system message.</param>
/// <param name="System">What stands around a system message, the second up to the first question; null where the template has no place for
/// one.</param>
/// <param name="ToAnswer">Behind the last question, where the answer is to begin.</param>
/// <param name="ToQuestion">Between an answer and the next question.</param>
public sealed record TurnForm(string Start, (string Before, string After)? System, string ToAnswer, string ToQuestion)
{
    /// <summary>Between a question and its answer, where the answer is there already.</summary>
    public string Between { get; init; } = ToAnswer;

    private static readonly string[] s_words = ["wug tarn", "brillig mome", "slithy gyre", "borogove rath", "jubjub vorpal"];

    /// <summary>A template that writes a date is asked for the day that rows are told.</summary>
    private static readonly ChatOptions s_options = new()
    {
        Now = new DateTimeOffset(ChatFormat.RowDate, new TimeOnly(12, 0), TimeSpan.Zero),
    };

    /// <param name="eos">What closes an answer.</param>
    public static TurnForm? Of(PromptTemplate template, string eos)
    {
        var (question, preamble) = (s_words[0], template.Preamble(null));
        return SplitAt(template.Prompt(question, null), question) is not [var before, var after] ? null
            : new(before,
                ("", preamble.Length == 0 ? "\n" + before : preamble[preamble.TrimEnd().Length..] + before[preamble.Length..]),
                after, eos + "\n" + before[preamble.Length..]);
    }

    /// <summary>Null where what the template writes has another form, such as one that numbers its turns.</summary>
    /// <param name="bos">The token that readers put before a prompt by themselves; null where they put none.</param>
    public static TurnForm? Of(ChatTemplate template, string? bos)
    {
        string? Render(params (string Role, string Text)[] messages)
        {
            try
            {
                var text = template.Render([.. messages.Select(message => new ChatMessage(message.Role, message.Text))],
                    addGenerationPrompt: true, options: s_options).Text;
                return bos is { Length: > 0 } && text.StartsWith(bos, StringComparison.Ordinal) ? text[bos.Length..] : text;
            }
            catch (TemplateException)
            {
                return null;
            }
        }
        (string, string) User(int word) => ("user", s_words[word]);
        (string, string) Assistant(int word) => ("assistant", s_words[word]);
        var system = ("system", s_words[4]);
        if (SplitAt(Render(User(0)), s_words[0]) is not [var start, var toAnswer]
            || SplitAt(Render(User(0), Assistant(1), User(2)), s_words[0], s_words[1], s_words[2]) is not
                [var first, var between, var toQuestion, var last]
            || first != start || last != toAnswer)
        {
            return null;
        }
        var around = SplitAt(Render(system, User(0)), s_words[4], s_words[0]) is [var before, var after, var end] && end == toAnswer
            ? (before, after) : ((string, string)?)null;
        TurnForm form = new(start, around, toAnswer, toQuestion) { Between = between };
        (string, string)[] longer = [User(3), Assistant(2), User(1), Assistant(0), User(2)];
        return Render(longer) == form.Write(longer) && (around is null || Render([system, .. longer]) == form.Write([system, .. longer]))
            ? form : null;
    }

    /// <summary>The conversation up to where the next answer begins. Its system message, if any, comes first.</summary>
    public string Write(IEnumerable<(string Role, string Text)> messages)
    {
        var (text, system, isFirst, isAsked) = ("", "", true, false);
        foreach (var (role, words) in messages)
        {
            switch (role)
            {
                case "system": system = words; break;
                case "user":
                    text += (!isFirst ? ToQuestion : system.Length > 0 && System is var (before, after) ? before + system + after : Start)
                        + words;
                    (isFirst, isAsked) = (false, true);
                    break;
                default:
                    text += Between + words;
                    isAsked = false;
                    break;
            }
        }
        return isAsked ? text + ToAnswer : text;
    }

    /// <summary>The same as a Jinja template, for models that were trained with an instruction template.</summary>
    public string ToJinja() =>
        "{%- set ns = namespace(first=true, system='') -%}{%- for message in messages -%}"
        + "{%- if message['role'] == 'system' -%}{%- set ns.system = message['content'] -%}"
        + "{%- elif message['role'] == 'user' -%}"
        + $"{{%- if not ns.first -%}}{Print(ToQuestion)}"
        + (System is var (before, after) ? $"{{%- elif ns.system -%}}{Print(before)}{{{{- ns.system -}}}}{Print(after)}" : "")
        + $"{{%- else -%}}{Print(Start)}{{%- endif -%}}{{%- set ns.first = false -%}}"
        + $"{{{{- message['content'] -}}}}{Print(ToAnswer)}"
        + "{%- else -%}{{- message['content'] -}}{%- endif -%}{%- endfor -%}";

    private static string Print(string text) => text.Length == 0 ? ""
        : "{{- '" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal) + "' -}}";

    /// <summary>What stands before, between and after words that a text holds once each and in order; null where it doesn't.</summary>
    private static string[]? SplitAt(string? text, params string[] words)
    {
        if (text is null)
        {
            return null;
        }
        List<string> parts = [];
        var start = 0;
        foreach (var word in words)
        {
            var at = text.IndexOf(word, start, StringComparison.Ordinal);
            if (at < 0 || text.IndexOf(word, at + 1, StringComparison.Ordinal) >= 0)
            {
                return null;
            }
            parts.Add(text[start..at]);
            start = at + word.Length;
        }
        return [.. parts, text[start..]];
    }
}
