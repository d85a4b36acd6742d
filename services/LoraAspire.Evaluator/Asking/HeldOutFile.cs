using System.Text;
using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>A question with the answers that are right.</summary>
internal sealed record HeldOutRow(string Question, string? Input, IReadOnlyList<string> References)
{
    /// <summary>
    /// Of a data set: prompt and answer as they stand in it, with loss on the answer; null where a model's own template counts.
    /// </summary>
    public TokenizedRow? Tokens { get; init; }

    public Question Asked => new(new(Question, Input: Input), Tokens?.InputIds[..Tokens.PromptLength]);
}

/// <summary>
/// Records with <c>instruction</c> (or <c>question</c>), <c>input</c> if they like, and <c>output</c> (or <c>answer</c>), or
/// <c>references</c>, a list: one JSON object a line, or an array of them.
/// </summary>
internal static class HeldOutFile
{
    private const int LargestMib = 64;

    /// <exception cref="StageException">The file can't be read as that; the message gives the record.</exception>
    public static IReadOnlyList<HeldOutRow> Read(DataRoot data, string name) =>
        Read(data, name, Row, "the texts instruction and output, or references, a list of texts that isn't empty");

    /// <summary>The rows of any file of records.</summary>
    /// <param name="row">Null for a record that holds something else.</param>
    /// <param name="needs">What a record needs, in words.</param>
    /// <exception cref="StageException">The file can't be read as that; the message gives the record.</exception>
    /// <exception cref="ModelException">It is what git-lfs leaves in a file's place.</exception>
    public static IReadOnlyList<T> Read<T>(DataRoot data, string name, Func<JsonElement, T?> row, string needs) where T : class
    {
        List<T> rows = [];
        foreach (var (place, text) in Records(name, Text(data, name)))
        {
            try
            {
                using var record = JsonDocument.Parse(text);
                rows.Add(row(record.RootElement) ?? throw new StageException($"{name}: {place} needs {needs}."));
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException)
            {
                throw new StageException($"{name}: {place} can't be read: {error.Message}", inner: error);
            }
        }
        return rows.Count > 0 ? rows : throw new StageException($"{name} holds no record. Look at the file, or leave it out.");
    }

    /// <summary>A file's text, without a byte order mark.</summary>
    /// <exception cref="StageException">It is too large, or no UTF-8.</exception>
    /// <exception cref="ModelException">It is what git-lfs leaves in a file's place.</exception>
    public static string Text(DataRoot data, string name)
    {
        var path = data.Resolve(name);
        LfsPointer.Refuse(path);
        if (new FileInfo(path).Length > LargestMib << 20)
        {
            throw new StageException($"{name} is larger than {LargestMib} MiB. Every record of it is answered: hold out fewer.");
        }
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path)).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException error)
        {
            throw new StageException($"{name} is not UTF-8 (byte {error.Index + 1}). Convert the file.", inner: error);
        }
    }

    private static IEnumerable<(string Place, string Text)> Records(string name, string text)
    {
        if (!text.AsSpan().TrimStart().StartsWith("["))
        {
            return text.Split('\n').Index().Where(line => line.Item.Trim().Length > 0)
                .Select(line => ($"line {line.Index + 1}", line.Item));
        }
        try
        {
            using var array = JsonDocument.Parse(text);
            return [.. array.RootElement.EnumerateArray().Index().Select(row => ($"record {row.Index + 1}", row.Item.GetRawText()))];
        }
        catch (JsonException error)
        {
            throw new StageException($"{name} can't be read as JSON: {error.Message}", inner: error);
        }
    }

    private static HeldOutRow? Row(JsonElement record)
    {
        if (record.ValueKind != JsonValueKind.Object || (Text(record, "instruction") ?? Text(record, "question")) is not { } question)
        {
            return null;
        }
        IReadOnlyList<string> references = record.TryGetProperty("references", out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(one => one.GetString() ?? "")]
            : (Text(record, "output") ?? Text(record, "answer")) is { } only ? [only] : [];
        return references.Count > 0 ? new(question, Text(record, "input") is { Length: > 0 } input ? input : null, references) : null;
    }

    private static string? Text(JsonElement record, string name) =>
        record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
