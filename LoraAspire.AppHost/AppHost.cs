using System.Globalization;
using LoraAspire.AppHost.Commands;
using LoraAspire.AppHost.Redis;
using LoraAspire.AppHost.Services;
using LoraAspire.AppHost.Terminal;
using LoraAspire.Runtime.Store;
using LoraAspire.Terminal;

// Which processes run and how they are tied; nothing else.
CleanConsole.Guard();
PrivateFolder.MaskOthers();
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (AppHostOptions.Parse(args, out var exitCode) is not { } options)
{
    return exitCode;
}

var builder = DistributedApplication.CreateBuilder(options.HostArguments);
builder.AddTerminal();
builder.AddSupervisor();

var redis = builder.AddRedisOfThisMachine("redis", Path.Combine(options.Folders.State, "redis"));

var chat = builder.AddProject<Projects.LoraAspire_Chat>("chat").AsService(redis, options, options.Ports.Chat).Listening(options)
    .WithLink("Chat API");

var lab = builder.AddProject<Projects.LoraAspire_Lab>("lab").AsService(redis, options, options.Ports.Lab).Listening(options)
    .WithQuickStart().WithLink("Runs").WithPageLink("/chat", "Chat")
    .WithReference(chat)
    .WithEnvironment("LORA_DASHBOARD_URL", options.DashboardUrl ?? "");
chat.WithEnvironment("LORA_LAB_URL", lab.GetEndpoint("http"));

Worker(builder.AddProject<Projects.LoraAspire_Coordinator>("coordinator")).WithRunCommands(redis, options.Folders);

// Data may be written by a model that the chat service serves.
Worker(builder.AddProject<Projects.LoraAspire_DataBuild>("data-build")).WithReference(chat);
Worker(builder.AddProject<Projects.LoraAspire_Trainer>("trainer"));
Worker(builder.AddProject<Projects.LoraAspire_Merger>("merger"));
Worker(builder.AddProject<Projects.LoraAspire_Evaluator>("evaluator"));
Worker(builder.AddProject<Projects.LoraAspire_Exporter>("export"));

await using var app = builder.Build();
if (builder.ExecutionContext.IsPublishMode)
{
    await app.RunAsync();
    return 0;
}
return await AppHostTerminal.RunAsync(app, options, redis.Resource, lab.GetEndpoint("http"), chat.GetEndpoint("http"));

// A worker has no page; its traces link to the lab's.
IResourceBuilder<ProjectResource> Worker(IResourceBuilder<ProjectResource> service) =>
    service.AsService(redis, options).WithQuickStart().WithoutLinks().WithEnvironment("LORA_LAB_URL", lab.GetEndpoint("http"))
        .WithReplicas(options.Replicas.GetValueOrDefault(service.Resource.Name, 1));
