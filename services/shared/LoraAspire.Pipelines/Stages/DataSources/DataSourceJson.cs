using System.Text.Json;
using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>
/// A source as an object with the kind as its key: the form that stands in stage keys (<see cref="SourceKinds.InEveryKey"/>).
/// </summary>
internal sealed class DataSourceJson : JsonConverter<DataSource>
{
    private const string Only = "only";
    private const string Name = "name";

    public override DataSource Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new([.. JsonElement.ParseValue(ref reader).EnumerateObject()
            .Where(member => member.Value.ValueKind != JsonValueKind.Null && member.Name is not (Only or Name))
            .Select(member => SourceKinds.All.TryGetValue(member.Name, out var type)
                ? (RecordSource)member.Value.Deserialize(type, options)!
                : throw new JsonException($"'{member.Name}' is no kind of source: there are {SourceKinds.Names}"))]);

    public override void Write(Utf8JsonWriter writer, DataSource value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var kind in SourceKinds.InEveryKey.Concat(value.Named.Select(source => source.Kind)).Distinct())
        {
            writer.WritePropertyName(kind);
            JsonSerializer.Serialize<object?>(writer, value.Named.FirstOrDefault(source => source.Kind == kind), options);
        }
        // They repeat what stands above, and stand in every key as well.
        writer.WritePropertyName(Only);
        JsonSerializer.Serialize(writer, value.Only, options);
        writer.WriteString(Name, value.Name);
        writer.WriteEndObject();
    }
}
