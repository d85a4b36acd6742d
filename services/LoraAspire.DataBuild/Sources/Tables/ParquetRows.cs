using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Parquet;
using Parquet.Schema;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>
/// A parquet file, one row group at a time. Columns that aren't texts, numbers or truth values (lists, dates, bytes that are no UTF-8) are
/// left out.
/// </summary>
internal static class ParquetRows
{
    public static IEnumerable<TableRow> Read(DataFile file)
    {
        using var stream = ParquetFile.Open(file);
        var reader = ParquetFile.Guarded(file, () => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
        try
        {
            var fields = ParquetFile.Guarded(file, () =>
                reader.Schema.Fields.OfType<DataField>().Where(field => !field.IsArray && Readers.ContainsKey(field.ClrType)).ToArray());
            var row = 0L;
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                foreach (var cells in ParquetFile.Guarded(file, () => Columns(reader, group, fields, stream)))
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

    private static IEnumerable<Dictionary<string, string>> Columns(ParquetReader reader, int group, DataField[] fields,
        ParquetStream stream)
    {
        stream.Next();
        ParquetPages.Require(reader, group, stream);
        stream.Next();
        using var rows = reader.OpenRowGroupReader(group);
        var count = ParquetFile.Rows(rows.RowCount, stream);
        var columns = fields.Select(field => (field.Name, Texts: Readers[field.ClrType](rows, field, count)))
            .Where(column => column.Texts is not null).ToList();
        return Enumerable.Range(0, count)
            .Select(row => columns.ToDictionary(column => column.Name, column => column.Texts![row] ?? "", StringComparer.Ordinal));
    }

    private static readonly Dictionary<Type, Func<ParquetRowGroupReader, DataField, int, string?[]?>> Readers = new()
    {
        [typeof(ReadOnlyMemory<char>)] = Strings,
        [typeof(ReadOnlyMemory<byte>)] = Bytes,
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

    /// <summary>Some programs write texts as bytes without saying that they are texts. Null when they aren't.</summary>
    private static string?[]? Bytes(ParquetRowGroupReader rows, DataField field, int count)
    {
        var bytes = new byte[]?[count];
        rows.ReadAsync(field, bytes.AsMemory()!).AsTask().GetAwaiter().GetResult();
        return bytes.All(cell => cell is null || Utf8.IsValid(cell))
            ? [.. bytes.Select(cell => cell is null ? null : Encoding.UTF8.GetString(cell))] : null;
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
    private static string Text<T>(T value) where T : struct =>
        value is bool truth ? truth ? "true" : "false" : Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
