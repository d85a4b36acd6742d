using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Lab;

/// <summary>The two losses that the list of runs has of each.</summary>
public sealed class TrainingLossesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lora-losses-");

    private ArtifactStore Store => new(Path.Combine(_folder.FullName, "store"));

    [Theory]
    [InlineData("""
        {"step":1,"epoch":0.5,"loss":4,"smoothedLoss":4,"learningRate":0.1,"gradNorm":1,"tokens":10,"evalLoss":1.5}
        {"step":2,"epoch":1,"loss":2,"smoothedLoss":3,"learningRate":0.1,"gradNorm":1,"tokens":20,"evalLoss":2.5}
        """, 3d, 1.5)]
    [InlineData("""
        {"step":1,"epoch":0.5,"loss":4,"smoothedLoss":4,"learningRate":0.1,"gradNorm":1,"tokens":10,"evalLoss":null}
        """, 4d, null)]
    [InlineData("", null, null)]
    [InlineData("no JSON", null, null)]
    public void The_final_loss_is_that_of_the_last_step_and_the_validation_loss_the_lowest(
        string steps, double? final, double? validation) =>
        Assert.Equal(new TrainingLosses(final, validation), TrainingLosses.Read(Published((StepMetrics.FileName, steps)), Store));

    [Fact]
    public void Of_a_training_without_steps_or_that_the_store_has_lost_nothing_is_known()
    {
        Assert.Equal(TrainingLosses.Unknown, TrainingLosses.Read(Published(("other.txt", "")), Store));
        Assert.Equal(TrainingLosses.Unknown, TrainingLosses.Read(new string('0', 64), Store));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string Published((string Name, string Text) file)
    {
        var scratch = _folder.CreateSubdirectory($"{Guid.NewGuid():N}").FullName;
        File.WriteAllText(Path.Combine(scratch, file.Name), file.Text);
        return Store.Publish(scratch, ArtifactKind.Adapter, "trainer@5");
    }
}
