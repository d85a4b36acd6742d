using Apache.Arrow;
using Apache.Arrow.Ipc;

namespace LoraAspire.Model.Data;

/// <summary>
/// Writes dataset.arrow, and further parts where one file would grow too large, row by row; memory holds one batch. Equal rows give equal
/// bytes.
/// </summary>
public sealed class InstructionDatasetWriter : IDisposable
{
    private const int RowsPerBatch = 16_384;

    /// <summary>Long rows fill a batch earlier, so that neither memory nor a part's size depends on cutoff_len.</summary>
    private const int TokensPerBatch = 4 << 20;

    private readonly string _directory;
    private readonly long _partBytes;
    private (FileStream Stream, ArrowStreamWriter Writer) _part;
    private int _parts;
    private readonly Batch _batch = new();

    /// <param name="directory">Where the files are made; those of an earlier data set are removed, of which there may be more.</param>
    /// <param name="partBytes">A part that has reached this size is closed.</param>
    public InstructionDatasetWriter(string directory, long partBytes = 1 << 30)
    {
        (_directory, _partBytes) = (directory, partBytes);
        InstructionDataset.Files(directory).ToList().ForEach(File.Delete);
        _part = OpenNext();
    }

    public int Count { get; private set; }

    public void Add(ReadOnlySpan<int> inputIds, ReadOnlySpan<int> labels, string source, long row, long line = 0)
    {
        if (inputIds.Length != labels.Length)
        {
            throw new ArgumentException($"{inputIds.Length} ids but {labels.Length} labels");
        }
        if (_batch is { Rows: RowsPerBatch } or { Tokens: >= TokensPerBatch })
        {
            Flush();
        }
        _batch.Add(inputIds, labels, source, row, line);
        Count++;
    }

    /// <summary>Writes what is left and the end of the stream. Without it the file is not readable.</summary>
    public void Complete()
    {
        Flush();
        End();
    }

    public void Dispose() => Close();

    private (FileStream, ArrowStreamWriter) OpenNext()
    {
        FileStream stream = new(Path.Combine(_directory, InstructionDataset.PartName(_parts++)), FileMode.Create, FileAccess.Write,
            FileShare.None, 1 << 20);
        ArrowStreamWriter writer = new(stream, InstructionDataset.Schema, leaveOpen: true);
        writer.WriteStart();
        return (stream, writer);
    }

    private void Flush()
    {
        if (_batch.Rows == 0)
        {
            return;
        }
        if (_part.Stream.Position >= _partBytes)
        {
            End();
            Close();
            _part = OpenNext();
        }
        using var built = _batch.Build();
        _part.Writer.WriteRecordBatch(built);
        _batch.Clear();
    }

    private void End()
    {
        _part.Writer.WriteEnd();
        _part.Stream.Flush(flushToDisk: true);
    }

    private void Close()
    {
        _part.Writer.Dispose();
        _part.Stream.Dispose();
    }

    private sealed class Batch
    {
        private readonly ListArray.Builder _ids = new(Apache.Arrow.Types.Int32Type.Default);
        private readonly ListArray.Builder _labels = new(Apache.Arrow.Types.Int32Type.Default);
        private readonly StringArray.Builder _sources = new();
        private readonly Int64Array.Builder _rows = new();
        private readonly Int64Array.Builder _lines = new();

        public int Rows { get; private set; }

        public int Tokens { get; private set; }

        public void Add(ReadOnlySpan<int> inputIds, ReadOnlySpan<int> labels, string source, long row, long line)
        {
            _ids.Append();
            ((Int32Array.Builder)_ids.ValueBuilder).Append(inputIds);
            _labels.Append();
            ((Int32Array.Builder)_labels.ValueBuilder).Append(labels);
            _sources.Append(source);
            _rows.Append(row);
            _lines.Append(line);
            Rows++;
            Tokens += inputIds.Length;
        }

        /// <summary>The room stays for the next batch: taken anew each time, it would be most of the garbage.</summary>
        public void Clear()
        {
            _ids.Clear();
            _labels.Clear();
            _sources.Clear();
            _rows.Clear();
            _lines.Clear();
            (Rows, Tokens) = (0, 0);
        }

        public RecordBatch Build() =>
            new(InstructionDataset.Schema, [_ids.Build(), _labels.Build(), _sources.Build(), _rows.Build(), _lines.Build()], Rows);
    }
}
