using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LoraAspire.Model.Export.Ollama;

/// <summary>What <c>ollama create NAME -f Modelfile</c> reads.</summary>
internal sealed record Modelfile(string From)
{
    public const string FileName = "Modelfile";

    private const string Quotes = "\"\"\"";

    /// <summary>A context takes memory for as long as the model is loaded; who wants a longer one says so.</summary>
    private const int UsualContext = 8192;

    /// <summary>A file beside; null for none.</summary>
    public string? Adapter { get; init; }
    public Dialogue? Dialogue { get; init; }
    public string? System { get; init; }
    public required int Context { get; init; }

    /// <summary>Of a folder with a generation_config.json.</summary>
    public IReadOnlyDictionary<string, double> Parameters { get; init; } = new Dictionary<string, double>();

    private bool HasTemplate => Dialogue?.Form is { } form && !GoTemplate.Of(form).Contains(Quotes, StringComparison.Ordinal);

    /// <summary>What it couldn't say, in words.</summary>
    public IEnumerable<string> Remarks => HasTemplate ? [] : [NoTemplate];

    private string NoTemplate => Dialogue?.Jinja is null && Dialogue?.Form is null
        ? "The model has no chat template: Ollama sends a prompt as it is."
        : "The chat template has a form that is not translated: Ollama looks in the GGUF file for one that it knows, and else sends a "
            + "prompt as it is.";

    public override string ToString()
    {
        StringBuilder text = new();
        text.Append("# ollama create NAME -f Modelfile\n").Append("FROM ").Append(From).Append('\n');
        if (Adapter is not null)
        {
            text.Append("ADAPTER ").Append(Adapter).Append('\n');
        }
        if (HasTemplate)
        {
            text.Append("TEMPLATE ").Append(Quotes).Append(GoTemplate.Of(Dialogue!.Form!)).Append(Quotes).Append('\n');
        }
        else
        {
            text.Append("# ").Append(NoTemplate).Append('\n');
        }
        if (System is { Length: > 0 })
        {
            text.Append("SYSTEM ").Append(Quotes).Append(System).Append(Quotes).Append('\n');
        }
        foreach (var stop in (Dialogue?.Stops ?? []).Where(IsPlain))
        {
            text.Append("PARAMETER stop \"").Append(stop).Append("\"\n");
        }
        foreach (var (name, value) in Parameters)
        {
            text.Append(CultureInfo.InvariantCulture, $"PARAMETER {name} {value}\n");
        }
        return text.Append(CultureInfo.InvariantCulture, $"PARAMETER num_ctx {Math.Min(Context, UsualContext)}\n").ToString();
    }

    /// <exception cref="ModelException">A text that a Modelfile has no way to write.</exception>
    public static void RequireSystem(string? system)
    {
        if (system is not null && (system.Contains(Quotes, StringComparison.Ordinal) || system.EndsWith('"') || system.Length > 1 << 16))
        {
            throw new ModelException("system: a Modelfile has no way to write a text that holds three quotation marks in a row, ends in "
                + "one or is longer than 65536 letters.");
        }
    }

    /// <summary>How answers are drawn, by what generation_config.json says and Ollama has a word for.</summary>
    public static IReadOnlyDictionary<string, double> ParametersOf(string folder)
    {
        var path = Path.Combine(folder, "generation_config.json");
        Dictionary<string, double> parameters = [];
        if (!File.Exists(path))
        {
            return parameters;
        }
        JsonFile.Read(path, "generation configuration", root =>
        {
            var isGreedy = root.TryGetProperty("do_sample", out var sample) && sample.ValueKind == JsonValueKind.False;
            if (isGreedy)
            {
                parameters["temperature"] = 0;
            }
            foreach (var (name, word, most) in new[]
            {
                ("temperature", "temperature", 2.0), ("top_p", "top_p", 1), ("top_k", "top_k", 1000),
                ("repetition_penalty", "repeat_penalty", 100),
            })
            {
                if (root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.GetDouble() is var number
                    && number > 0 && number <= most && !(isGreedy && name != "repetition_penalty"))
                {
                    parameters[word] = number;
                }
            }
            return true;
        });
        return parameters;
    }

    /// <summary>A Modelfile has no escapes: a stop word with a quotation mark or a line break can't be said.</summary>
    private static bool IsPlain(string stop) =>
        stop.Length is > 0 and < 200 && !stop.Any(letter => letter == '"' || char.IsControl(letter));
}
