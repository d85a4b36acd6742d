using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using LoraAspire.Runtime.Stages;
using Parquet;
using Parquet.Meta.Proto;
using Parquet.Schema;
using Parquet.Serialization;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>A parquet file, one row group at a time. Columns that aren't texts, numbers or truth values (lists, dates, bytes) are left out.</summary>
internal static class ParquetRows
{
    public static IEnumerable<TableRow> Read(DataFile file)
    {
        using var stream = Open(file);
        var reader = Guarded(file, () => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
        try
        {
            var fields = Guarded(file, () => reader.Schema.Fields.OfType<DataField>().Where(field => !field.IsArray && Readers.ContainsKey(field.ClrType)).ToArray());
            var row = 0L;
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                foreach (var cells in Guarded(file, () => Columns(reader, group, fields)))
                {
                    yield return new(new(file.Name, row++, 0), cells);
                }
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>The rows as JSON writes them, with lists and structures: conversations are lists of turns.</summary>
    public static IEnumerable<(JsonElement Row, Place Place)> ReadNested(DataFile file)
    {
        using var stream = Open(file);
        var groups = Guarded(file, () => GroupsAsync(stream).GetAwaiter().GetResult());
        var row = 0L;
        for (var group = 0; group < groups; group++)
        {
            stream.Position = 0;
            foreach (var cells in Guarded(file, () => ParquetSerializer.DeserializeUntypedAsync(stream, rowGroupIndex: group).GetAwaiter().GetResult()).Data)
            {
                yield return (Guarded(file, () => JsonSerializer.SerializeToElement(cells, Json)), new(file.Name, row++, 0));
            }
        }
    }

    private static async Task<int> GroupsAsync(Stream stream)
    {
        await using var reader = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true);
        return reader.RowGroupCount;
    }

    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private static Stream Open(DataFile file)
    {
        var stream = file.Open();
        if (!stream.CanSeek)
        {
            stream.Dispose();
            throw new StageException($"{file.Name}: a gzipped parquet file can't be read, since it is read from its end. Unpack it; parquet compresses its columns itself.");
        }
        Guarded(file, () => CheckEnd(stream));
        return stream;
    }

    /// <summary>A footer that lost its stop byte, the ninth from the end (footer, its length in four bytes, PAR1), has the library read for ever.</summary>
    private static bool CheckEnd(Stream stream)
    {
        Span<byte> end = stackalloc byte[9];
        stream.Seek(-Math.Min(end.Length, stream.Length), SeekOrigin.End);
        stream.ReadExactly(end);
        stream.Position = 0;
        return end[0] == 0 && end[5..].SequenceEqual("PAR1"u8) ? true : throw new InvalidDataException("Its end is cut off or damaged.");
    }

    private static IEnumerable<Dictionary<string, string>> Columns(ParquetReader reader, int group, DataField[] fields)
    {
        using var rows = reader.OpenRowGroupReader(group);
        var columns = fields.Select(field => (field.Name, Texts: Readers[field.ClrType](rows, field, checked((int)rows.RowCount)))).ToList();
        return Enumerable.Range(0, checked((int)rows.RowCount))
            .Select(row => columns.ToDictionary(column => column.Name, column => column.Texts[row] ?? "", StringComparer.Ordinal));
    }

    private static readonly Dictionary<Type, Func<ParquetRowGroupReader, DataField, int, string?[]>> Readers = new()
    {
        [typeof(ReadOnlyMemory<char>)] = Strings,
        [typeof(bool)] = Numbers<bool>,
        [typeof(sbyte)] = Numbers<sbyte>,
        [typeof(byte)] = Numbers<byte>,
        [typeof(short)] = Numbers<short>,
        [typeof(ushort)] = Numbers<ushort>,
        [typeof(int)] = Numbers<int>,
        [typeof(uint)] = Numbers<uint>,
        [typeof(long)] = Numbers<long>,
        [typeof(ulong)] = Numbers<ulong>,
        [typeof(float)] = Numbers<float>,
        [typeof(double)] = Numbers<double>,
    };

    private static string?[] Strings(ParquetRowGroupReader rows, DataField field, int count)
    {
        var texts = new string?[count];
        rows.ReadAsync(field, texts.AsMemory()!).AsTask().GetAwaiter().GetResult();
        return texts;
    }

    private static string?[] Numbers<T>(ParquetRowGroupReader rows, DataField field, int count) where T : struct
    {
        if (!field.IsNullable)
        {
            var all = new T[count];
            rows.ReadAsync<T>(field, all.AsMemory()).AsTask().GetAwaiter().GetResult();
            return [.. all.Select(Text)];
        }
        var values = new T?[count];
        rows.ReadAsync<T>(field, values.AsMemory()).AsTask().GetAwaiter().GetResult();
        return [.. values.Select(value => value is { } known ? Text(known) : null)];
    }

    /// <summary>As JSON writes it, so that <c>values</c> hold for any form of the same table.</summary>
    private static string Text<T>(T value) where T : struct => value is bool truth ? truth ? "true" : "false" : Convert.ToString(value, CultureInfo.InvariantCulture)!;

    /// <summary>Whatever the library throws at damaged bytes is a damaged file.</summary>
    private static T Guarded<T>(DataFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (StageException e)
        {
            throw new StageException($"{file.Name}: {e.Message}", inner: e);
        }
        catch (Exception e) when (e is ParquetException or ThriftProtocolException or IOException or InvalidDataException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException or NotSupportedException or NotImplementedException or InvalidCastException or FormatException or NullReferenceException or KeyNotFoundException)
        {
            throw new StageException($"{file.Name}: not a readable parquet file: {e.Message} Copy or write it again.", inner: e);
        }
    }
}
