using System.Text.Json;
using LoraAspire.Pipelines.Stages;
using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Trainer.Training;

/// <summary>metrics.jsonl: one line a step, in the file as soon as it is known.</summary>
internal sealed class MetricsLog : IDisposable
{
    public const string FileName = StepMetrics.FileName;

    private readonly SafeFileHandle _file;

    /// <param name="length">Bytes that belong to the steps done; what a stopped attempt wrote after them is cut off.</param>
    public MetricsLog(string directory, long length)
    {
        _file = File.OpenHandle(Path.Combine(directory, FileName), FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        RandomAccess.SetLength(_file, length);
        Length = length;
    }

    public long Length { get; private set; }

    public void Add(StepMetrics metrics)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(metrics, JsonSerializerOptions.Web), (byte)'\n'];
        RandomAccess.Write(_file, line, Length);
        Length += line.Length;
    }

    /// <summary>Brings what was added to the disk. May be called from another thread than <see cref="Add"/>.</summary>
    public void Flush() => RandomAccess.FlushToDisk(_file);

    public static IReadOnlyList<StepMetrics> Read(string path) => StepMetrics.Read(path);

    public void Dispose() => _file.Dispose();
}
