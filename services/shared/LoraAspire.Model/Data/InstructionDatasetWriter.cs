using Apache.Arrow;
using Apache.Arrow.Ipc;

namespace LoraAspire.Model.Data;

/// <summary>Writes dataset.arrow row by row; memory holds one batch. Equal rows give equal bytes.</summary>
public sealed class InstructionDatasetWriter : IDisposable
{
    private readonly FileStream _stream;
    private readonly ArrowStreamWriter _writer;
    private Batch _batch = new();

    public InstructionDatasetWriter(string directory)
    {
        _stream = new FileStream(Path.Combine(directory, InstructionDataset.FileName), FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        _writer = new ArrowStreamWriter(_stream, InstructionDataset.Schema, leaveOpen: true);
        _writer.WriteStart();
    }

    public int Count { get; private set; }

    public void Add(ReadOnlySpan<int> inputIds, ReadOnlySpan<int> labels, string source, long row, long line = 0)
    {
        if (inputIds.Length != labels.Length)
        {
            throw new ArgumentException($"{inputIds.Length} ids but {labels.Length} labels");
        }
        _batch.Add(inputIds, labels, source, row, line);
        Count++;
        if (_batch.Rows == InstructionDataset.RowsPerBatch)
        {
            Flush();
        }
    }

    /// <summary>Writes what is left and the end of the stream. Without it the file is not readable.</summary>
    public void Complete()
    {
        Flush();
        _writer.WriteEnd();
        _stream.Flush(flushToDisk: true);
    }

    public void Dispose()
    {
        _writer.Dispose();
        _stream.Dispose();
    }

    private void Flush()
    {
        if (_batch.Rows > 0)
        {
            using var built = _batch.Build();
            _writer.WriteRecordBatch(built);
            _batch = new Batch();
        }
    }

    private sealed class Batch
    {
        private readonly ListArray.Builder _ids = new(Apache.Arrow.Types.Int32Type.Default);
        private readonly ListArray.Builder _labels = new(Apache.Arrow.Types.Int32Type.Default);
        private readonly StringArray.Builder _sources = new();
        private readonly Int64Array.Builder _rows = new();
        private readonly Int64Array.Builder _lines = new();

        public int Rows { get; private set; }

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
        }

        public RecordBatch Build() => new(InstructionDataset.Schema, [_ids.Build(), _labels.Build(), _sources.Build(), _rows.Build(), _lines.Build()], Rows);
    }
}
