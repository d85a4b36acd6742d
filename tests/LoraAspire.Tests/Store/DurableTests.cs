using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

public sealed class DurableTests : IDisposable
{
    private const int Rounds = 300, AtOnce = 8;

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-durable-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Of_many_files_that_are_given_one_name_at_once_one_gets_it_and_the_others_are_left()
    {
        for (var round = 0; round < Rounds; round++)
        {
            var to = Path.Combine(_folder, $"{round}");
            var given = Enumerable.Range(0, AtOnce).Select(i => Path.Combine(_folder, $"{round}-{i}")).ToList();
            given.ForEach(from => File.WriteAllText(from, Path.GetFileName(from)));
            var named = new bool[AtOnce];
            using var start = new Barrier(AtOnce);

            var threads = Enumerable.Range(0, AtOnce).Select(i => new Thread(() =>
            {
                start.SignalAndWait();
                named[i] = Durable.TryName(given[i], to);
            })).ToList();
            threads.ForEach(thread => thread.Start());
            threads.ForEach(thread => thread.Join());

            var winner = Assert.Single(Enumerable.Range(0, AtOnce), i => named[i]);
            Assert.Equal($"{round}-{winner}", File.ReadAllText(to));
            Assert.Equal(AtOnce - 1, given.Count(File.Exists));
        }
    }

    [Fact]
    public void A_folder_that_is_not_there_is_told_with_the_system_s_words()
    {
        var from = Path.Combine(_folder, "from");
        File.WriteAllText(from, "");

        var error = Assert.Throws<IOException>(() => Durable.TryName(from, Path.Combine(_folder, "nowhere", "to")));

        Assert.Contains("No such file or directory", error.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(from));
    }
}
