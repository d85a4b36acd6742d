using System.Text.Json;
using LoraAspire.Model.Generation;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>The turns before a record's own, as a list of [question, answer]; in a table of texts as its JSON.</summary>
internal static class AlpacaHistory
{
    private const int Shown = 80;

    /// <exception cref="StageException">It is no such list; with the place.</exception>
    public static IReadOnlyList<Turn> Of(string? cell, string column, Place place)
    {
        if (string.IsNullOrWhiteSpace(cell))
        {
            return [];
        }
        try
        {
            using var list = JsonDocument.Parse(cell);
            return Of(list.RootElement, column, place);
        }
        catch (JsonException)
        {
            throw Wrong(column, place, cell);
        }
        catch (InvalidOperationException)
        {
            throw place.Wrong($"row {place.Row}: '{column}' holds half of a surrogate pair, which is no character");
        }
    }

    /// <inheritdoc cref="Of(string?, string, Place)"/>
    public static IReadOnlyList<Turn> Of(JsonElement list, string column, Place place) => list.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => [],
        JsonValueKind.String => Of(list.GetString(), column, place),
        JsonValueKind.Array => [.. list.EnumerateArray().Select(pair => Turn(pair) ?? throw Wrong(column, place, list.GetRawText()))],
        _ => throw Wrong(column, place, list.GetRawText()),
    };

    private static Turn? Turn(JsonElement pair) =>
        pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2 && Text(pair[0]) is { } question && Text(pair[1]) is { } answer
            ? new(question, answer) : null;

    /// <summary>The reader of parquet puts each text of a list in a list into a list of its own.</summary>
    private static string? Text(JsonElement said) => said.ValueKind == JsonValueKind.String ? said.GetString()
        : said.ValueKind == JsonValueKind.Array && said.GetArrayLength() == 1 && said[0].ValueKind == JsonValueKind.String
            ? said[0].GetString() : null;

    private static StageException Wrong(string column, Place place, string shown) =>
        place.Wrong($"row {place.Row}: '{column}' must be a list of the turns before, each a list of two texts: "
            + $"[[\"question\", \"answer\"], ...]. It is {(shown.Length > Shown ? shown[..Shown] + " …" : shown)}");
}
