using System.Text.Encodings.Web;
using System.Text.Json;

namespace LoraAspire.Pipelines.Stages;

/// <summary>report.json of an evaluator: what a model answers, and what its base answered.</summary>
public sealed record AnswersReport(IReadOnlyList<AnsweredQuestion> Questions)
{
    public const string FileName = "report.json";

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public void Save(string folder) => File.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, s_json) + "\n");

    /// <exception cref="IOException">There is no such file, or it isn't what an evaluator writes.</exception>
    public static AnswersReport Load(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return JsonSerializer.Deserialize<AnswersReport>(File.ReadAllBytes(path), s_json) is { Questions: { } questions } report
                && !questions.Contains(null!)
                ? report : throw new IOException($"{path} holds no questions.");
        }
        catch (JsonException error)
        {
            throw new IOException($"{path} can't be read: {error.Message}", error);
        }
    }
}

/// <param name="Base">The base's answer; null when no base was asked.</param>
public sealed record AnsweredQuestion(string Question, string? Base, string Model);
