using System.Text.Json;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>What stands under a name: a text, number, truth value or null; an object; a list, by what its first element is.</summary>
internal enum JsonHolds { Value, Object, Objects, Lists, Values, Nothing }

/// <summary>
/// How a JSON file holds its records. Rows: a list of objects, or one object after another. List: inside one object, which may say other
/// things beside it. Columns: one object with a list for each column, or (pandas) an object by row number. Index: objects by name.
/// </summary>
/// <param name="List">The name of the list inside the object.</param>
internal sealed record JsonForm(JsonFormKind Kind, string? List = null)
{
    private const int LongestToken = 4 << 20;

    private static readonly JsonForm Rows = new(JsonFormKind.Rows);

    /// <summary>
    /// Reads on only as long as the file may be one object around all records. What is malformed is left to the reader of rows.
    /// </summary>
    /// <param name="isRow">Whether a property makes the object a record itself; null where nobody can tell.</param>
    /// <exception cref="StageException">There are several lists of records.</exception>
    public static JsonForm Of(DataFile file, Func<string, JsonHolds, bool>? isRow)
    {
        using JsonWindow window = new(file with { Meter = null }, LongestToken);
        JsonReaderState state = new(new() { AllowMultipleValues = true });
        Outline outline = new();
        window.Begin();
        while (true)
        {
            Utf8JsonReader reader = new(window.Data, window.End, state);
            try
            {
                while (reader.Read())
                {
                    if (!outline.Take(ref reader, out var property)
                        || property is { } known && isRow?.Invoke(known.Name, known.Holds) is true)
                    {
                        return Rows;
                    }
                }
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                return Rows;
            }
            state = reader.CurrentState;
            window.Consume((int)reader.BytesConsumed);
            if (window.End)
            {
                return Decide(file, outline, isRow);
            }
            if (!window.Fill())
            {
                return Rows;
            }
        }
    }

    private static JsonForm Decide(DataFile file, Outline outline, Func<string, JsonHolds, bool>? isRow)
    {
        var found = outline.Found;
        var lists = found.Where(property => property.Holds == JsonHolds.Objects).ToList();
        if (lists is [var one])
        {
            return new(JsonFormKind.List, one.Name);
        }
        if (lists.Count > 1)
        {
            return isRow is null ? Rows : throw new StageException($"{file.Name}: one object with several lists of records: "
                + $"{string.Join(", ", lists.Take(10).Select(list => list.Name))}. Write the one to be learned into a file of its own.");
        }
        if (found.Count == 0)
        {
            return Rows;
        }
        return found.TrueForAll(property => property.Holds is JsonHolds.Values or JsonHolds.Lists or JsonHolds.Nothing)
                || found.TrueForAll(property => property.Holds == JsonHolds.Object) && outline.ByNumber ? new(JsonFormKind.Columns)
            : found.Count > 1 && found.TrueForAll(property => property.Holds == JsonHolds.Object) ? new(JsonFormKind.Index)
            : Rows;
    }

    /// <summary>The properties of the one object that the file may be.</summary>
    private sealed class Outline
    {
        private bool _opened, _closed;
        private string _name = "";
        private JsonHolds? _list;

        public List<(string Name, JsonHolds Holds)> Found { get; } = [];

        /// <summary>The objects' own properties have numbers for names, as pandas writes them.</summary>
        public bool ByNumber { get; private set; }

        /// <param name="property">The one that this token tells of; null for other tokens.</param>
        /// <returns>False when the file is no single object.</returns>
        public bool Take(ref Utf8JsonReader reader, out (string Name, JsonHolds Holds)? property)
        {
            property = null;
            switch (reader.CurrentDepth)
            {
                case 0:
                    var goesOn = reader.TokenType == (_opened ? JsonTokenType.EndObject : JsonTokenType.StartObject) && !_closed;
                    (_opened, _closed) = (true, reader.TokenType == JsonTokenType.EndObject);
                    return goesOn;
                case 1 when reader.TokenType == JsonTokenType.PropertyName:
                    (_name, _list) = (reader.GetString()!, null);
                    break;
                case 1 when reader.TokenType == JsonTokenType.StartArray:
                    _list = JsonHolds.Nothing;
                    break;
                case 1 when reader.TokenType == JsonTokenType.EndArray:
                    property = (_name, _list!.Value);
                    break;
                case 1 when reader.TokenType != JsonTokenType.EndObject:
                    property = (_name, reader.TokenType == JsonTokenType.StartObject ? JsonHolds.Object : JsonHolds.Value);
                    break;
                case 2 when _list == JsonHolds.Nothing:
                    _list = reader.TokenType switch
                    {
                        JsonTokenType.StartObject => JsonHolds.Objects,
                        JsonTokenType.StartArray => JsonHolds.Lists,
                        _ => JsonHolds.Values,
                    };
                    break;
                case 2 when _list is null && reader.TokenType == JsonTokenType.PropertyName:
                    ByNumber = int.TryParse(reader.ValueSpan, out _);
                    break;
            }
            if (property is { } known)
            {
                Found.Add(known);
            }
            return Found.Count <= TableRows.MostColumns;
        }
    }
}

internal enum JsonFormKind { Rows, List, Columns, Index }
