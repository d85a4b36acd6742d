using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using Parquet;
using Parquet.Schema;
using Parquet.Serialization;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// A parquet file's rows as JSON writes them, with lists and structures, one row group at a time: conversations are lists of turns.
/// </summary>
internal static class ParquetNestedRows
{
    public static IEnumerable<(JsonElement Row, Place Place)> Read(DataFile file)
    {
        using var stream = ParquetFile.Open(file);
        var groups = ParquetFile.Guarded(file, () => GroupsAsync(stream).GetAwaiter().GetResult());
        var row = 0L;
        for (var group = 0; group < groups; group++)
        {
            stream.Position = 0;
            stream.Next();
            foreach (var cells in ParquetFile.Guarded(file,
                () => ParquetSerializer.DeserializeUntypedAsync(stream, rowGroupIndex: group).GetAwaiter().GetResult()).Data)
            {
                yield return (ParquetFile.Guarded(file, () => JsonSerializer.SerializeToElement(cells, Json)), new(file.Name, row++, 0));
            }
        }
    }

    /// <summary>Whether the file has that column, and it is no plain one.</summary>
    public static bool HoldsList(DataFile file, string column)
    {
        using var stream = ParquetFile.Open(file with { Meter = null });
        return ParquetFile.Guarded(file, () => SchemaAsync(stream).GetAwaiter().GetResult())
            .Fields.Any(field => field.Name == column && field is not DataField { IsArray: false });
    }

    private static async Task<ParquetSchema> SchemaAsync(ParquetStream stream)
    {
        await using var reader = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true);
        return reader.Schema;
    }

    private static async Task<int> GroupsAsync(ParquetStream stream)
    {
        await using var reader = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true);
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            stream.Next();
            ParquetPages.Require(reader, group, stream);
        }
        return reader.RowGroupCount;
    }

    private static readonly JsonSerializerOptions Json =
        new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, Converters = { new BytesAsText() } };

    /// <summary>Some programs write texts as bytes without saying that they are texts. Other bytes are nothing.</summary>
    private sealed class BytesAsText : JsonConverter<byte[]>
    {
        public override byte[] Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            throw new NotSupportedException("only written");

        public override void Write(Utf8JsonWriter writer, byte[] value, JsonSerializerOptions options)
        {
            if (Utf8.IsValid(value))
            {
                writer.WriteStringValue(value);
            }
            else
            {
                writer.WriteNullValue();
            }
        }
    }
}
