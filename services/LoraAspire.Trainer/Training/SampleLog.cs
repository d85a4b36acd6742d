using System.Text;
using System.Text.Json;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// samples.jsonl: what the model answered at steps of the run. It is small, so each look writes it whole: an attempt that goes on from a
/// checkpoint takes what was written after that off, and a look that is taken again is there once.
/// </summary>
internal sealed class SampleLog
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly string _path;
    private readonly List<TrainingSample> _samples;

    /// <param name="step">The steps that are done: what was written later is to come again.</param>
    public SampleLog(string directory, int step)
    {
        _path = Path.Combine(directory, TrainingSample.FileName);
        _samples = [.. Written().Where(sample => sample.Step <= step)];
    }

    public bool Has(int step) => _samples.Exists(sample => sample.Step == step);

    /// <exception cref="IOException">It can't be written.</exception>
    public void Put(IReadOnlyList<TrainingSample> samples)
    {
        _samples.RemoveAll(sample => sample.Step >= samples[0].Step);
        _samples.AddRange(samples);
        Durable.Write(_path + ".tmp", Encoding.UTF8.GetBytes(string.Concat(_samples.Select(sample =>
            JsonSerializer.Serialize(sample, s_json) + "\n"))));
        Durable.Rename(_path + ".tmp", _path);
    }

    /// <summary>Of another attempt. One that a crash has cut short is none: nothing that is trained depends on it.</summary>
    private IReadOnlyList<TrainingSample> Written()
    {
        try
        {
            return File.Exists(_path) ? TrainingSample.Read(_path) : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
