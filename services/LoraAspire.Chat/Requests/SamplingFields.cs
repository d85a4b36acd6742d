using System.Globalization;
using System.Text.Json;
using LoraAspire.Chat.OpenAi;

namespace LoraAspire.Chat.Requests;

/// <summary>
/// How tokens are drawn, as all endpoints write it. top_k, min_p and repetition_penalty are additions to OpenAI's API that other local
/// servers know too.
/// </summary>
internal static class SamplingFields
{
    public const int MostChoices = 16, MostTopLogprobs = 20;
    private const int MostStops = 64;

    /// <summary>Of OpenAI's endpoints, with the model.</summary>
    /// <exception cref="RequestException">A value out of range.</exception>
    public static LocalChatOptions Read(RequestFields body)
    {
        var model = Model(body);
        var options = Read(body, "repetition_penalty");
        options.ModelId = model;
        options.LogitBias = LogitBias(body);
        options.Choices = (int?)body.Whole("n", 1, MostChoices) ?? 1;
        return options;
    }

    /// <summary>What Ollama's endpoints have too.</summary>
    /// <param name="fields">Where they stand: a body, or an object in it.</param>
    /// <param name="repetition">The API's name for the repetition penalty.</param>
    /// <exception cref="RequestException">A value out of range.</exception>
    public static LocalChatOptions Read(RequestFields fields, string repetition)
    {
        var seed = fields.Whole("seed", long.MinValue, long.MaxValue);
        return new()
        {
            Temperature = (float?)fields.Number("temperature", 0, 2),
            TopP = TopP(fields.Number("top_p", 0, 1)),
            TopK = (int?)fields.Whole("top_k", -1, int.MaxValue) is { } k ? Math.Max(k, 0) : null,
            MinP = fields.Number("min_p", 0, 1),
            RepetitionPenalty = Repetition(fields, repetition),
            FrequencyPenalty = (float?)fields.Number("frequency_penalty", -2, 2),
            PresencePenalty = (float?)fields.Number("presence_penalty", -2, 2),
            // -1 asks for another text each time, as llama.cpp and Ollama have it.
            Seed = seed == -1 ? null : seed,
            StopSequences = Stop(fields, "stop"),
        };
    }

    public static string Model(RequestFields body) => body.Text("model") is { Length: > 0 } model ? model
        : throw body.Missing("model", "GET /v1/models lists them");

    /// <summary>0 leaves the most probable token alone, as the least share that can be.</summary>
    private static float? TopP(double? value) => value is { } share ? (float)Math.Max(share, 1e-6) : null;

    private static double? Repetition(RequestFields body, string name) => body.Number(name, 0, 100) is not { } penalty ? null
        : penalty > 0 ? penalty : throw body.Bad(name, "must be above 0");

    private static List<string> Stop(RequestFields body, string name)
    {
        var stop = body.Texts(name);
        return stop.Any(text => text.Length == 0) ? throw body.Bad(name, "must not hold an empty text")
            : stop.Count > MostStops ? throw body.Bad(name, $"must not hold more than {MostStops} texts") : [.. stop];
    }

    /// <summary>Whether the answer comes in pieces, and whether the last of them is what it cost.</summary>
    public static (bool Stream, bool IncludeUsage) Stream(RequestFields body)
    {
        var stream = body.Flag("stream") ?? false;
        var options = body.Object("stream_options");
        if (options is not null && !stream)
        {
            throw body.Bad("stream_options", "goes with 'stream': true only");
        }
        options?.WithoutEffect(["include_obfuscation"], "false");
        return (stream, options?.Flag("include_usage") ?? false);
    }

    private static Dictionary<int, double> LogitBias(RequestFields body)
    {
        const string name = "logit_bias";
        if (body.Find(name) is not { } bias)
        {
            return [];
        }
        if (bias.ValueKind != JsonValueKind.Object)
        {
            throw body.Bad(name, "must be an object from token ids to numbers");
        }
        Dictionary<int, double> read = [];
        foreach (var entry in bias.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                || entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetDouble(out var value) || value is < -100 or > 100)
            {
                throw body.Bad(name, "must give token ids numbers between -100 and 100");
            }
            read[id] = value;
        }
        return read;
    }
}
