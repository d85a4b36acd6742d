using System.Text.Json;

namespace LoraAspire.Pipelines.Stages;

/// <summary>
/// One line of <see cref="FileName"/> beside what was trained: what the model answered to a held-out prompt at a step, greedily.
/// </summary>
/// <param name="Step">Updates that it had seen; 0 is the base.</param>
/// <param name="Prompt">As it is written for the model; of a long one the end.</param>
/// <param name="Expected">The row's own answer, cut as the model's is.</param>
public sealed record TrainingSample(int Step, string Prompt, string Expected, string Answer)
{
    public const string FileName = "samples.jsonl";

    /// <exception cref="IOException">The file can't be read.</exception>
    /// <exception cref="JsonException">A line of it is no sample.</exception>
    public static IReadOnlyList<TrainingSample> Read(string path) =>
    [
        .. File.ReadLines(path).Select(line => JsonSerializer.Deserialize<TrainingSample>(line, JsonSerializerOptions.Web) is
            { Prompt: not null, Expected: not null, Answer: not null } sample ? sample
            : throw new JsonException($"{path} holds a line that is no sample.")),
    ];
}
