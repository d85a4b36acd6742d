using System.Globalization;
using LoraAspire.Runtime.Stages;
using Parquet;
using Parquet.Schema;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>A parquet file, one row group at a time. Nested columns are left out.</summary>
internal static class ParquetRows
{
    public static IEnumerable<TableRow> Read(DataFile file)
    {
        using var stream = file.Open();
        if (!stream.CanSeek)
        {
            throw new StageException($"{file.Name}: a gzipped parquet file can't be read, since it is read from its end. Unpack it; parquet compresses its columns itself.");
        }
        var reader = Guarded(file, () => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
        try
        {
            DataField[] fields = [.. reader.Schema.Fields.OfType<DataField>().Where(field => !field.IsArray)];
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

    private static IEnumerable<Dictionary<string, string>> Columns(ParquetReader reader, int group, DataField[] fields)
    {
        using var rows = reader.OpenRowGroupReader(group);
        var columns = fields.Select(field => (field.Name, Texts: Texts(rows, field, checked((int)rows.RowCount)))).ToList();
        return Enumerable.Range(0, checked((int)rows.RowCount))
            .Select(row => columns.ToDictionary(column => column.Name, column => column.Texts[row] ?? "", StringComparer.Ordinal));
    }

    private static string?[] Texts(ParquetRowGroupReader rows, DataField field, int count)
    {
        if (field.ClrType == typeof(string))
        {
            var texts = new string?[count];
            rows.ReadAsync(field, texts.AsMemory()!).AsTask().GetAwaiter().GetResult();
            return texts;
        }
        return field.ClrType switch
        {
            var type when type == typeof(int) => Numbers<int>(rows, field, count),
            var type when type == typeof(long) => Numbers<long>(rows, field, count),
            var type when type == typeof(short) => Numbers<short>(rows, field, count),
            var type when type == typeof(bool) => Numbers<bool>(rows, field, count),
            var type when type == typeof(float) => Numbers<float>(rows, field, count),
            var type when type == typeof(double) => Numbers<double>(rows, field, count),
            _ => throw new StageException($"column '{field.Name}' is of type {field.ClrType.Name}. Texts, whole numbers, numbers and truth values can be read."),
        };
    }

    private static string?[] Numbers<T>(ParquetRowGroupReader rows, DataField field, int count) where T : struct
    {
        if (!field.IsNullable)
        {
            var all = new T[count];
            rows.ReadAsync<T>(field, all.AsMemory()).AsTask().GetAwaiter().GetResult();
            return [.. all.Select(value => Convert.ToString(value, CultureInfo.InvariantCulture))];
        }
        var values = new T?[count];
        rows.ReadAsync<T>(field, values.AsMemory()).AsTask().GetAwaiter().GetResult();
        return [.. values.Select(value => value is { } known ? Convert.ToString(known, CultureInfo.InvariantCulture) : null)];
    }

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
        catch (Exception e) when (e is ParquetException or IOException or InvalidDataException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException or NotSupportedException or InvalidCastException or FormatException or NullReferenceException or KeyNotFoundException)
        {
            throw new StageException($"{file.Name}: not a readable parquet file: {e.Message} Copy or write it again.", inner: e);
        }
    }
}
