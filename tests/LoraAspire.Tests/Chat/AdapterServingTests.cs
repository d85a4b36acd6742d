using System.Collections.Concurrent;
using LoraAspire.Chat.Models;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Tests.Generation;
using LoraAspire.Tests.Goldens;
using Microsoft.Extensions.Time.Testing;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Chat;

/// <summary>Models, and adapters beside one of them, with many callers at once.</summary>
[Collection(TorchRandom.Name)]
public sealed class AdapterServingTests : IDisposable, ILogger<ModelPool>
{
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(15);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lora-beside-");
    private readonly FakeTimeProvider _clock = new();
    private readonly ConcurrentQueue<string> _said = [];
    private readonly ModelPool _pool;

    public AdapterServingTests()
    {
        LibTorch.Load();
        _pool = new(new IdleTime(Idle), _clock, this);
    }

    public void Dispose()
    {
        _pool.Dispose();
        _folder.Delete(recursive: true);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_adapters_and_their_base_answer_at_once_each_in_its_own_words_and_template()
    {
        string[] adapters = [Adapter("one", seed: 1, "plain"), Adapter("two", seed: 2, "alpaca")];
        ModelSource[] sources = [new(GoldenFolder.Pebble), .. adapters.Select(adapter => new ModelSource(GoldenFolder.Pebble, adapter))];

        var said = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            using var lease = await _pool.RentAsync(sources[i % 3], Cancelled);
            return (Which: i % 3, Prompt: lease.Model.Format.Prompt(new(null, [new("Who are you?")]), lease.Model.Tokenizer),
                Text: await lease.Model.AnswerAsync("Who are you?", GenerationOptions.Greedy(24), Cancelled));
        }));

        for (var which = 0; which < 3; which++)
        {
            using var alone = LlamaModel.Load(GoldenFolder.Pebble, CPU, float32);
            using var attached = which == 0 ? null : LoraAspire.Model.Adapters.Adapter.Load(adapters[which - 1]);
            if (attached is not null)
            {
                alone.Attach(attached);
            }
            using var lease = await _pool.RentAsync(sources[0], Cancelled);
            var answers = said.Where(one => one.Which == which).ToList();
            var expected = GreedyOracle.Tokens(alone, answers[0].Prompt, 24).TakeWhile(id => id != lease.Model.Tokenizer.EosId);
            Assert.Equal(lease.Model.Tokenizer.Decode(expected).Trim(), Assert.Single(answers.Select(one => one.Text).Distinct()));
        }
        Assert.True(said.Select(one => one.Text).Distinct().Count() == 3, string.Join('\n', said));
        Assert.Single(_said, line => line.StartsWith("Loading", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_hundred_who_ask_for_the_same_at_once_load_it_once()
    {
        var leases = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(() => _pool.RentAsync(new(GoldenFolder.Pebble),
            Cancelled), Cancelled)));

        Assert.Single(leases.Select(lease => lease.Model).Distinct());
        Assert.Single(_said, line => line.StartsWith("Loading", StringComparison.Ordinal));
        Array.ForEach(leases, lease => lease.Dispose());
        _clock.Advance(Idle);
        Assert.Empty(_pool.Loaded);
    }

    [Fact]
    public async Task A_model_that_failed_to_load_is_tried_again_by_the_next_who_asks()
    {
        var folder = _folder.CreateSubdirectory("broken").FullName;
        var failed = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ =>
            Assert.ThrowsAsync<ModelException>(() => _pool.RentAsync(new(folder), Cancelled))));
        Assert.All(failed, error => Assert.Contains(folder, error.Message));
        foreach (var file in Directory.GetFiles(GoldenFolder.Pebble))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        using var lease = await _pool.RentAsync(new(folder), Cancelled);

        Assert.Equal([folder], _pool.Loaded);
    }

    [Fact]
    public async Task An_adapter_of_another_base_or_kind_is_refused_in_words_and_its_base_serves_on()
    {
        var folder = _folder.CreateSubdirectory("dora").FullName;
        SaveAdapter(folder, new LoraConfig(2, 4, 0, ["q_proj"]) { UseDora = true }, seed: 1);

        var refused = await Assert.ThrowsAsync<ModelException>(() => _pool.RentAsync(new(GoldenFolder.Pebble, folder), Cancelled));

        Assert.Contains("merge it", refused.Message, StringComparison.OrdinalIgnoreCase);
        using var lease = await _pool.RentAsync(new(GoldenFolder.Pebble), Cancelled);
        Assert.NotEmpty(await lease.Model.AnswerAsync("Who are you?", GenerationOptions.Greedy(4), Cancelled));
    }

    [Fact]
    public async Task What_ends_answers_is_read_before_weights_are_so_that_a_broken_file_of_it_keeps_nothing_in_memory()
    {
        const string ends = "generation_config.json";
        var (folder, dora) = (_folder.CreateSubdirectory("base").FullName, _folder.CreateSubdirectory("dora").FullName);
        foreach (var file in Directory.GetFiles(GoldenFolder.Pebble))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
        SaveAdapter(dora, new LoraConfig(2, 4, 0, ["q_proj"]) { UseDora = true }, seed: 1);
        using var model = LocalModel.Load(folder, CPU);
        await File.WriteAllTextAsync(Path.Combine(folder, ends), "{", Cancelled);
        // Of what would be refused too, what is refused first tells what was looked at first.
        await File.WriteAllTextAsync(Path.Combine(folder, "model.safetensors"), "broken", Cancelled);

        Assert.Contains(ends, Assert.Throws<ModelException>(() => LocalModel.Load(folder, CPU)).Message);
        Assert.Contains(ends, (await Assert.ThrowsAsync<ModelException>(() => model.WithAdapterAsync(dora))).Message);
    }

    [Fact]
    public async Task The_least_recently_used_gives_way_and_one_in_use_or_whose_adapter_is_does_not()
    {
        string[] models = [.. Enumerable.Range(0, 4).Select(i => Path.Combine(_folder.FullName, $"m{i}"))];
        Array.ForEach(models, name => Directory.CreateSymbolicLink(name, GoldenFolder.Pebble));
        var adapter = Adapter("one", seed: 1, "plain");
        var used = await _pool.RentAsync(new(models[0], adapter), Cancelled);
        foreach (var model in models[1..])
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            (await _pool.RentAsync(new(model), Cancelled)).Dispose();
        }
        Assert.Equal([adapter, models[0], models[3]], _pool.Loaded.Order(StringComparer.Ordinal).OrderBy(name => name != adapter));

        used.Dispose();
        _clock.Advance(TimeSpan.FromSeconds(1));
        (await _pool.RentAsync(new(models[1]), Cancelled)).Dispose();

        Assert.Equal([models[1], models[3]], _pool.Loaded.Order(StringComparer.Ordinal));
        _pool.Unload(new(models[1]));
        Assert.Equal([models[3]], _pool.Loaded);
    }

    private string Adapter(string name, int seed, string template)
    {
        var folder = _folder.CreateSubdirectory(name).FullName;
        SaveAdapter(folder, new LoraConfig(4, 16, 0, [AdapterConfig.AllLinear]), seed);
        PromptTemplate.Load(template).Save(Path.Combine(folder, PromptTemplate.FileName));
        return folder;
    }

    /// <summary>One that says something else: B isn't 0.</summary>
    private static void SaveAdapter(string folder, LoraConfig config, int seed)
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Load(GoldenFolder.Pebble, CPU, float32);
        model.AttachFresh(config, seed);
        foreach (var linear in model.Linears.Where(linear => linear.Adapter is not null))
        {
            linear.Adapter![Lora.B].normal_(0, 0.15);
        }
        using var adapter = model.Detached(config);
        adapter.Save(folder);
    }

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) => _said.Enqueue(formatter(state, exception));

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;
}
